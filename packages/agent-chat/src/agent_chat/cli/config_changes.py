"""What `config get`, `set`, `unset` and `edit` do."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from agent_chat.cli.stdio import write_progress
from agent_chat.config.files import SettingsFiles, text_of
from agent_chat.config.keys import Scope, SettingSpec, SettingView, parsed_key, spec_of, storable, view_of
from agent_chat.config.texts import typed_value
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError, working_folder
from agent_chat.transcript.paths import short_path
from agent_chat.transcript.sanitize import visible
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError

STDIN: Final = "-"
_EDITORS: Final = ("sensible-editor", "nano", "vi")
_FOLDERS: Final = ("trusted_folders", "sandbox.writable_roots")


def get_setting(key: str, cwd: str | None, *, as_json: bool) -> int:
    """Print the value in force of a setting, and return the exit code: 1 if there is none.

    Raises:
        UsageError: There is no such setting, or the configuration is wrong.
    """
    try:
        config = RuntimeConfig.load(cwd=working_folder(cwd))
        view = view_of(key, config)
        if view.key in ("model", "reasoning_effort"):  # Of the agent that would run, as the whole list has it.
            view = view_of(config.chosen(view.key, config.chosen_type()).key, config)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    if as_json:
        sys.stdout.write(f"{json.dumps(view.to_wire())}\n")
    elif view.value is not None:
        sys.stdout.writelines(f"{visible(line)}\n" for line in _lines(view.value))
    return ExitCode.OK if view.value is not None else ExitCode.ERROR


def set_setting(key: str, values: Sequence[str], cwd: str | None, *, scope: Scope, as_json: bool) -> int:
    """Write a setting, say what is in force then, and return the exit code.

    Raises:
        UsageError: There is no such setting, its value is of no use, or the file cannot be written.
    """
    try:
        spec = spec_of(key)
        texts = [sys.stdin.read().rstrip("\r\n") if text == STDIN else text for text in values]
        files = SettingsFiles.of(folder := working_folder(cwd), os.environ)
        value = _value(spec, texts, files.path(scope).parent if scope == "workspace" else None)
        files.change(scope, {parsed_key(key): storable(key, value, _names_of(folder))})
    except InvalidRequestError as error:
        raise UsageError(_of_what_was_typed(error, key)) from None
    return _tell(key, folder, files.path(scope), as_json=as_json)


def _of_what_was_typed(error: InvalidRequestError, key: str) -> str:
    """Return what is wrong with a value; the line of a file that it would have come to says nothing to who typed it."""
    place, found, said = error.message.partition(f": {key} ")
    return f"{key} {said}" if found and error.details.get("key") == key and "\n" not in place else error.message


def unset_setting(key: str, cwd: str | None, *, scope: Scope, as_json: bool) -> int:
    """Take a setting out of a file, say what is in force then, and return the exit code; raises as `set_setting`."""
    try:
        spec_of(key)
        files = SettingsFiles.of(folder := working_folder(cwd), os.environ)
        if files.path(scope).exists():
            files.change(scope, {parsed_key(key): None})
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    return _tell(key, folder, files.path(scope), as_json=as_json)


def edit_settings(cwd: str | None, *, scope: Scope) -> int:
    """Open a file in an editor, and save what it leaves if that can be used; return the exit code.

    Raises:
        UsageError: There is no editor, or it failed, or what it left is of no use; then that is kept beside.
    """
    files = SettingsFiles.of(working_folder(cwd), os.environ)
    editor = _editor()
    try:
        path = files.path(scope)
        before = text_of(path)
        handle, name = tempfile.mkstemp(prefix="agent-sdk-", suffix=".toml")  # For its owner alone.
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(before)
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    except OSError as error:
        raise UsageError(f"The file cannot be edited: {error.strerror or error}.") from None
    draft = Path(name)
    try:
        code = subprocess.run([*editor, name], check=False).returncode  # no shell
    except OSError as error:
        draft.unlink()
        raise UsageError(f"The editor {editor[0]!r} cannot be started: {error.strerror or error}.") from None
    after = text_of(draft)
    if code != 0 or after == before:
        draft.unlink()
        if code != 0:
            raise UsageError(f"The editor {editor[0]!r} ended with {code}; nothing was changed.")
        write_progress("Nothing was changed.")
        return ExitCode.OK
    try:
        files.rewrite(scope, lambda _: after, expected=before)
    except InvalidRequestError as error:
        raise UsageError(f"{error.message} Nothing was changed; what you wrote is in {draft}.") from None
    draft.unlink()
    write_progress(f"{visible(short_path(str(path)))} is saved.")
    return ExitCode.OK


def _value(spec: SettingSpec, texts: Sequence[str], root: Path | None) -> object:
    if spec.kind == "list":
        read = typed_value(spec, texts[0]) if len(texts) == 1 else list(texts)
        entries = cast("list[object]", read) if isinstance(read, list) else [read]
        return [_path(each, root) for each in entries] if spec.key in _FOLDERS else entries
    if len(texts) != 1:
        raise UsageError(f"{spec.key} takes one value, not {len(texts)}.")
    value = typed_value(spec, texts[0])
    if spec.key == "store.url" and "://" not in texts[0] and not texts[0].endswith(":"):
        return _path(value, None)
    return _path(value, root) if spec.kind == "path" else value


def _path(value: object, root: Path | None) -> object:
    """Return a path that means in the file what it means here; one in the workspace stays relative to its file."""
    if not isinstance(value, str) or not value.strip() or value.startswith("~") or "\0" in value:
        return value
    whole = Path(os.path.abspath(value))  # resolves no links
    return str(whole.relative_to(root)) if root is not None and whole.is_relative_to(root) else str(whole)


def _tell(key: str, folder: str, path: Path, *, as_json: bool) -> int:
    """Say what is in force after a change; that something else is wrong undoes no change."""
    try:
        view = view_of(key, RuntimeConfig.load(cwd=folder))
    except InvalidRequestError as error:
        write_progress(f"It is written, but the configuration cannot be used: {error.message}")
        return ExitCode.OK
    if as_json:
        sys.stdout.write(f"{json.dumps(view.to_wire())}\n")
    else:
        write_progress(_sentence(view, path))
    return ExitCode.OK


def _sentence(view: SettingView, path: Path) -> str:
    if view.value is None:
        return f"{view.key} is not set."
    shown = ", ".join(map(visible, _lines(view.value)))
    if view.source == "default":
        return f"{view.key} is {shown}, the default."
    place = visible(short_path(view.place))
    if not view.place.startswith(str(path)):
        return f"{view.key} is {shown} here, as {place} says, which comes first."
    return f"{view.key} is {shown} ({place})."


def _lines(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [line for each in cast("list[object]", value) for line in _lines(each)]
        case _:
            return [json.dumps(value)]


def _editor() -> list[str]:
    for variable in ("VISUAL", "EDITOR"):
        if named := os.environ.get(variable, "").strip():
            try:
                return shlex.split(named)
            except ValueError:
                raise UsageError(f"{variable} cannot be read: {named!r}.") from None
    found = next((path for name in _EDITORS if (path := shutil.which(name)) is not None), None)
    if found is None:
        raise UsageError("There is no editor; say which one in EDITOR.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "An editor wants a terminal, and there is none; change settings by `agent-sdk config set`, or name a "
            "program in EDITOR that can do without."
        )
    return [found]


def _names_of(folder: str | os.PathLike[str]) -> RuntimeConfig:
    """Return the configuration, for the names that agents have in it; an empty one where it is yet to be mended."""
    try:
        return RuntimeConfig.load(cwd=folder)
    except InvalidRequestError:
        return RuntimeConfig()
