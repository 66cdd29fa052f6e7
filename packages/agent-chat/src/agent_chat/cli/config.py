"""The `config` command: what is configured, where each value comes from, and which files were looked at."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from agent_chat.cli.stdio import is_screen
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError, working_folder
from agent_chat.terminal.screens import terminal_console
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.config.files import ConfigFile
from agent_sdk_core.config.flags import FLAGS
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.config.sources import DEFAULT_SOURCE, ValueSource
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.options import SandboxPolicy

_TITLES: Final = {"user": "Yours", "workspace": "Workspace"}
_UNITS: Final = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
_INHERITED: Final = "as the agent is configured"
_UNSET: Final = {
    "model": _INHERITED,
    "reasoning_effort": _INHERITED,
    "permission_mode": f"{_INHERITED}; `run` asks first",
    "sandbox": _INHERITED,
    "request_timeout": "waits",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A setting as it is shown.

    Attributes:
        name: Its dotted name.
        value: Its value as JSON has it; None when it is not set.
        source: Where the value comes from.
        shown: The value, or what applies without one, for people.
    """

    name: str
    value: Any
    source: ValueSource
    shown: str


def show_config(cwd: str | None, *, as_json: bool) -> int:
    """Print the configuration that applies in a folder, and return the exit code.

    Args:
        cwd: The folder; None: the current one.
        as_json: Print one JSON object instead of text.

    Raises:
        UsageError: There is no such folder, or the configuration is wrong.
    """
    try:
        config = RuntimeConfig.load(cwd=working_folder(cwd))
        backend = config.chosen_type()
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    rows = list(_rows(config, backend))
    if as_json:
        sys.stdout.write(f"{json.dumps(_as_object(config, rows))}\n")
    elif is_screen(sys.stdout):
        _print_on(terminal_console(sys.stdout), config, rows)
    else:
        sys.stdout.writelines(f"{line}\n" for line in _plain(config, rows))
    return ExitCode.OK


def _rows(config: RuntimeConfig, backend: str) -> Iterator[Row]:
    yield Row("backend", backend, config.source("backend"), backend)
    for name in ("model", "reasoning_effort"):
        setting = config.chosen(name, backend)
        yield _row(name, setting.value, setting.source)
    for name in ("permission_mode", "sandbox", "request_timeout"):
        yield _row(name, getattr(config, name), config.source(name))
    folders = list(map(str, config.trusted_folders))
    shown = ", ".join(map(short_path, folders)) or "none"
    yield Row("trusted_folders", folders, config.source("trusted_folders"), shown)
    if config.tools:
        yield Row("tools", list(config.tools), config.source("tools"), ", ".join(config.tools))
    yield from _policy_rows(config)
    if config.store.url is not None:
        from agent_chat.storage.database.places import place_of

        yield _row("store.url", place_of(config.store.url.reveal()).shown, config.source("store.url"))
    for name, value in config.retention:
        if value is not None:
            yield Row(key := f"retention.{name}", value, config.source(key), _retention(name, value))
    for flag in FLAGS.values():
        on = config.flag(flag.name)
        yield Row(key := f"flags.{flag.name}", on, config.source(key), "on" if on else "off")
    yield from _backend_rows(config)


def _backend_rows(config: RuntimeConfig) -> Iterator[Row]:
    for name, table in sorted(config.backends.items()):
        if table.command is not None:
            key = f"backends.{name}.command"
            yield Row(key, list(table.command), config.source(key), " ".join(table.command))
        for setting in ("type", "executable", "model", "reasoning_effort"):
            if (value := getattr(table, setting)) is not None:
                yield _row(key := f"backends.{name}.{setting}", value, config.source(key))
        for variable in sorted(table.env):
            yield _row(key := f"backends.{name}.env.{variable}", table.env[variable], config.source(key))


def _policy_rows(config: RuntimeConfig) -> Iterator[Row]:
    for verdict in ("deny", "ask", "allow"):
        if texts := list(getattr(config.policy, verdict)):
            yield Row(key := f"policy.{verdict}", texts, config.source(key), ", ".join(texts))
    if config.policy.scope is not None:
        yield _row("policy.scope", config.policy.scope, config.source("policy.scope"))
    for name, value in config.policy.limits:
        if value is not None:
            yield Row(key := f"policy.limits.{name}", value, config.source(key), f"{value:g}")


def _retention(name: str, value: object) -> str:
    if name == "max_age" and isinstance(value, float):
        unit, seconds = next((each for each in _UNITS if value % each[1] == 0), _UNITS[-1])
        return f"{value / seconds:g} {unit if value / seconds > 1 else unit[:-1]}"
    return "yes" if value is True else "no" if value is False else f"{value}"


def _row(name: str, value: object, source: ValueSource) -> Row:
    match value:
        case None:
            return Row(name, None, source, _UNSET[name])
        case SandboxPolicy():
            return Row(name, value.model_dump(mode="json"), source, _sandbox(value))
        case float():
            return Row(name, value, source, f"{value:g} s")
        case Path():
            return Row(name, str(value), source, short_path(str(value)))
        case _:  # A secret's text is a row of asterisks.
            return Row(name, str(value), source, str(value))


def _sandbox(policy: SandboxPolicy) -> str:
    network = {None: "", True: ", with network", False: ", without network"}[policy.network]
    roots = "".join(f", {short_path(str(root))}" for root in policy.writable_roots)
    return f"{policy.mode}{network}{roots}"


def _as_object(config: RuntimeConfig, rows: list[Row]) -> dict[str, Any]:
    workspace = config.workspace
    return {
        "settings": {row.name: {"value": row.value, "source": _source_object(row.source)} for row in rows},
        "files": [{"kind": file.kind, "path": str(file.path), "exists": file.exists} for file in config.files],
        "workspace": None if workspace is None else {"root": str(workspace.root), "trusted": workspace.trusted},
        "flags": {
            flag.name: {
                "on": config.flag(flag.name),
                "default": flag.default,
                "owner": flag.owner,
                "text": flag.text,
                "source": _source_object(config.source(f"flags.{flag.name}")),
            }
            for flag in FLAGS.values()
        },
        "unknown_variables": list(config.unknown_variables),
    }


def _source_object(source: ValueSource) -> dict[str, Any]:
    path = None if source.path is None else str(source.path)
    found = {"kind": source.kind, "path": path, "line": source.line, "variable": source.variable}
    return {name: value for name, value in found.items() if value is not None}


def _plain(config: RuntimeConfig, rows: list[Row]) -> Iterator[str]:
    names = max(len(row.name) for row in rows)
    values = max(len(visible(row.shown)) for row in rows)
    for row in rows:
        yield f"{row.name:<{names}}  {visible(row.shown):<{values}}  {_source(row.source)}".rstrip()
    yield ""
    yield from (f"{title:<{names}}  {text}" for title, text in _footer(config))


def _print_on(console: Console, config: RuntimeConfig, rows: list[Row]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for _ in range(2):
        table.add_column(overflow="fold")
    for row in rows:
        is_set = row.source != DEFAULT_SOURCE
        value = Text(visible(row.shown), style="bold" if is_set else "dim")
        table.add_row(row.name, value, Text(_source(row.source), style="dim"))
    footer = Table.grid(padding=(0, 2))
    footer.add_column(no_wrap=True, min_width=max(len(row.name) for row in rows))
    footer.add_column(overflow="fold")
    for title, text in _footer(config):
        footer.add_row(title, Text(text))
    parts: list[RenderableType] = [table, Text(), footer]
    for part in parts:
        console.print(part)


def _footer(config: RuntimeConfig) -> Iterator[tuple[str, str]]:
    for file in config.files:
        yield _TITLES[file.kind], _file(file)
    if (workspace := config.workspace) is not None:
        says = (
            "trusted: its file may set everything but trusted_folders"
            if workspace.trusted
            else "not trusted: its file may choose backend, model and effort, and be stricter"
        )
        yield "Folder", f"{visible(short_path(str(workspace.root)))} ({says})"
    for name in config.unknown_variables:
        yield "Ignored", f"{visible(name)} (not a setting of this version)"


def _file(file: ConfigFile) -> str:
    return f"{visible(short_path(str(file.path)))}{'' if file.exists else ' (not there)'}"


def _source(source: ValueSource) -> str:
    return visible(short_path(str(source)))
