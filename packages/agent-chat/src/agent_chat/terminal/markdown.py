"""Markdown as agents write it: left-aligned, in the terminal's own colours, with nothing left out.

Line breaks stay, HTML is shown as it was written, and links show where they lead, for their text is not to be trusted.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from itertools import dropwhile
from typing import ClassVar, cast

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.segment import Segment
from rich.syntax import Syntax
from rich.text import Text


class _PlainHeading(Heading):
    """A heading in bold at the left edge."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.text.plain, style="bold underline" if self.tag == "h1" else "bold")


class _PlainCode(CodeBlock):
    """Code without a background, set in by two columns."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        yield Syntax(
            code, self.lexer_name, theme=self.theme, word_wrap=True, padding=(0, 2), background_color="default"
        )


class AgentMarkdown(Markdown):
    """Markdown of an agent."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _PlainHeading,
        "fence": _PlainCode,
        "code_block": _PlainCode,
    }

    def __init__(self, text: str, style: str = "none") -> None:
        super().__init__("", code_theme="ansi_dark", style=style, hyperlinks=False)
        parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
        self.parsed = parser.parse(text)
        for token in self.parsed:
            _keep_line_breaks(token)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Some elements bring blank lines and fill their lines up: the edges of a block are for its surroundings.
        segments = cast("Iterable[Segment]", super().__rich_console__(console, options))
        lines = [_without_fill(line) for line in Segment.split_lines(segments)]
        while lines and not lines[-1]:
            lines.pop()
        for line in dropwhile(operator.not_, lines):
            yield from line
            yield Segment.line()


def _without_fill(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].text.strip():
        line = line[:-1]
    return [*line[:-1], line[-1]._replace(text=line[-1].text.rstrip())] if line else line


def _keep_line_breaks(token: Token) -> None:
    for child in token.children or ():
        if child.type == "softbreak":
            child.type = "hardbreak"
