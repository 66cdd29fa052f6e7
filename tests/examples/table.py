"""What pages say of the examples: the tables of the guides for those who move over, and the programs of the recipes.

`python -m tests.examples.table` writes them; a test holds them.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples"
ORIGINALS: Final = tomllib.loads((EXAMPLES / "originals.toml").read_text(encoding="utf-8"))
PAGES: Final = {
    "claude_agent_sdk": ROOT / "docs" / "moving-from-claude-agent-sdk.md",
    "openai_codex": ROOT / "docs" / "moving-from-openai-codex.md",
}
RECIPES: Final = ROOT / "docs" / "recipes.md"
_RECIPE: Final = re.compile(r"(<!-- (examples/\S+) -->\n\n```python\n).*?^```$", re.DOTALL | re.MULTILINE)
_PLACE: Final = re.compile(r"(?<=## The examples, ported\n\n).*?(?=\n\nA port does)", re.DOTALL)
_SILENT: Final = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


def code_lines(source: str) -> int:
    """Count the lines that hold code: no blank ones, no comments, no docstrings."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in _SILENT]
    return len({row for token in tokens for row in range(token.start[0], token.end[0] + 1)} - docstrings)


def length(package: str, name: str) -> int:
    """Return the lines of code of a port."""
    return code_lines((EXAMPLES / package / f"{name}.py").read_text(encoding="utf-8"))


def table(package: str) -> str:
    """Return the table of one package, in Markdown."""
    told = ORIGINALS[package]
    lines = [f"`examples/{package}`; the originals are those of {told['source']}.", ""]
    lines += ["| example | lines there | lines here |", "|---|---|---|"]
    lines += [f"| `{name}.py` | {there} | {length(package, name)} |" for name, there in told["lines"].items()]
    if left := told.get("not_ported"):
        lines += ["", "Not ported:", "", *(f"- `{name}`: {reason}." for name, reason in left.items())]
    return "\n".join(lines)


def page_with_table(package: str) -> str:
    """Return the page of a package as it should be."""
    return _PLACE.sub(lambda _: table(package), PAGES[package].read_text(encoding="utf-8"))


def page_of_recipes() -> str:
    """Return the page of the recipes as it should be."""

    def with_program(match: re.Match[str]) -> str:
        return f"{match[1]}{(ROOT / match[2]).read_text(encoding='utf-8')}```"

    return _RECIPE.sub(with_program, RECIPES.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for name, page in PAGES.items():
        page.write_text(page_with_table(name), encoding="utf-8")
    RECIPES.write_text(page_of_recipes(), encoding="utf-8")
