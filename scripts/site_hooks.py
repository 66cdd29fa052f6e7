"""The reference of the site: a page for each room of public names, made from the packages' own lists.

A name that is added to a package stands in the reference with the next build; what its page says is its docstring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from inspect import isroutine
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parents[1] / "docs"
CODE: Final = re.compile(r"^```python.*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLES: Final = {
    "factory": ("backends", "Backends"),
    "names": ("backends", "Backends"),
    "interfaces.backend": ("backends", "Backends"),
    "interfaces.events": ("backends", "Backends"),
    "interfaces.capabilities": ("backends", "Backends"),
    "interfaces.diagnosis": ("backends", "Backends"),
    "interfaces.goal": ("sessions", "Sessions and turns"),
    "interfaces.account": ("accounts", "Accounts"),
    "interfaces.mcp": ("mcp", "MCP servers"),
    "secret": ("configuration", "Configuration"),
    "mcp_servers": ("mcp", "MCP servers"),
    "interfaces.session": ("sessions", "Sessions and turns"),
    "interfaces.turn": ("sessions", "Sessions and turns"),
    "interfaces.pages": ("sessions", "Sessions and turns"),
    "interfaces": ("sessions", "Sessions and turns"),
    "prompts": ("prompts", "Prompts"),
    "options": ("options", "Options and models"),
    "models": ("options", "Options and models"),
    "messages.blocks": ("blocks", "Content blocks"),
    "messages.usage": ("usage", "Usage and costs"),
    "messages.system": ("system-messages", "System messages"),
    "messages": ("messages", "Messages"),
    "asking": ("permissions", "Permissions and questions"),
    "tools": ("tools", "Tools"),
    "structured": ("structured", "Structured output"),
    "config": ("configuration", "Configuration"),
    "errors": ("errors", "Errors"),
}
"""The page of each module of `agent_sdk_core`, by the longest prefix that fits; another one has a page of its own."""
PACKAGES: Final = {
    "claude_sdk": "Claude",
    "codex_sdk": "Codex",
    "agent_sdk_testing": "Testing",
    "agent_fleet": "Fleet",
    "agent_sdk_core.sync": "Without async",
    "agent_sdk_core.runtime": "For backend authors",
}
"""Packages and modules with a page each for their own names."""


@dataclass
class Page:
    """One page of the reference: its title, and the names on it as `package.name`."""

    title: str
    names: list[str] = field(default_factory=list[str])


def pages() -> dict[str, Page]:
    """Return the pages by file name, in their order; every public name stands on exactly one."""
    core = import_module("agent_sdk_core")
    made = {file: Page(title) for file, title in dict.fromkeys(TITLES.values())}
    for name in sorted(core.__all__, key=str.casefold):
        file, title = _page_of(_home_of(core, name))
        made.setdefault(file, Page(title)).names.append(f"agent_sdk_core.{name}")
    for package, title in PACKAGES.items():
        own = made.setdefault(package.replace("_", "-").replace(".", "-"), Page(title))
        own.names += [f"{package}.{name}" for name in _own_names(package, core)]
    return {file: page for file, page in made.items() if page.names}


def _home_of(core: Any, name: str) -> str:
    return str(core._MODULES[name])  # noqa: SLF001  # the package's own list of where a name lives


def _page_of(module: str) -> tuple[str, str]:
    prefixes = module.split(".")
    for length in range(len(prefixes), 0, -1):
        if found := TITLES.get(".".join(prefixes[:length])):
            return found
    room = prefixes[0]
    return room.replace("_", "-"), room.replace("_", " ").capitalize()


def _own_names(package: str, core: Any) -> Iterator[str]:
    module = import_module(package)
    for name in sorted(module.__all__, key=str.casefold):
        if package not in ("claude_sdk", "codex_sdk") or getattr(module, name) is not getattr(core, name, None):
            yield name


def text_of(page: Page) -> str:
    """Return a page in Markdown: a heading and a directive for each name."""
    return "\n\n".join((f"# {page.title}", *(f"::: {name}" for name in page.names))) + "\n"


def index() -> str:
    """Return the reference's first page: every name, with where it is and what it is."""
    lines = [
        "# Reference",
        "",
        "Every public name. `claude_sdk` and `codex_sdk` export those of `agent_sdk_core` too.",
        "",
    ]
    for page in pages().values():
        lines += [f"## {page.title}", "", "| name | | shown in |", "|---|---|---|"]
        lines += [f"| [`{_last(name)}`][{name}] | {first_line(name)} | {_guide(name)} |" for name in page.names]
        lines += [""]
    return "\n".join(lines)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _guide(name: str) -> str:
    """Return a link to the guide whose programs use a name, the one about all names only if no other does."""
    used = re.compile(rf"\b{_last(name)}\b")
    guides = sorted(DOCS.glob("*.md"), key=lambda guide: guide.stem == "by-example")
    for guide in guides:
        text = guide.read_text(encoding="utf-8")
        if any(used.search(block) for block in CODE.findall(text)):
            return f"[{text.partition(chr(10))[0].removeprefix('# ')}](../{guide.name})"
    return ""


def first_line(name: str) -> str:
    module, _, attribute = name.rpartition(".")
    value = getattr(import_module(module), attribute)
    doc = value.__doc__ if isroutine(value) or isinstance(value, type) else None
    return re.split(r"(?<=\.)\s", (doc or "").strip().replace("\n", " ") + " ")[0].strip().replace("|", "\\|")


def on_config(config: Any) -> Any:
    """Put the reference into the navigation."""
    entry: list[Any] = [{"Every name": "reference/index.md"}]
    entry += [{page.title: f"reference/{file}.md"} for file, page in pages().items()]
    config.nav.append({"Reference": entry})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the reference."""
    file_type = import_module("mkdocs.structure.files").File  # in the site's environment alone
    made = {"index": index(), **{file: text_of(page) for file, page in pages().items()}}
    for file, text in made.items():
        files.append(file_type.generated(config, f"reference/{file}.md", content=text))
    return files


def on_post_build(config: Any) -> None:
    """Refuse a site that lacks a public name.

    Raises:
        SystemExit: One has no place in it.
    """
    site = Path(config.site_dir, "reference")
    missing = [
        name
        for file, page in pages().items()
        for name in page.names
        if f'id="{name}"' not in (site / f"{file}.html").read_text(encoding="utf-8")
    ]
    if missing:
        raise SystemExit(f"The reference lacks: {', '.join(missing)}")
