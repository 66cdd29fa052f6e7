"""Dialects: what is said in the words of the protocol's second version, as a client of either version reads it."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from agent_sdk_core.wire.reading import as_record

Version = Literal[1, 2]
VERSIONS: Final[tuple[Version, ...]] = (1, 2)
TAIL: Final = 8_000
"""Characters at the end of a running command's output that a client without terminals is shown."""

_CANCELLED: Final = "cancelled"


class Dialect(ABC):
    """How one client is spoken to.

    Args:
        capabilities: What the client said that it can do.

    Attributes:
        version: The protocol's version.
        form: Whether the client shows forms.
        url: Whether it shows links to visit.
        terminal_logins: Whether it can run this program in a terminal, for somebody to log in there.
    """

    version: Version

    def __init__(self, capabilities: Mapping[str, object]) -> None:
        elicitation = as_record(capabilities.get("elicitation")) or {}
        self.form = as_record(elicitation.get("form")) is not None
        self.url = as_record(elicitation.get("url")) is not None
        terminal = (as_record(capabilities.get("auth")) or {}).get("terminal")
        self.terminal_logins = terminal is True if self.version == 1 else as_record(terminal) is not None

    @abstractmethod
    def lower(self, update: Mapping[str, Any], session: SessionWords) -> list[dict[str, Any]]:
        """Return an update as the client's version has it: none, one or several."""

    @abstractmethod
    def opened(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a request that opens a session is answered with.

        Args:
            settings: `configOptions`, and `modes`.
        """

    @abstractmethod
    def config_options(self, options: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return settings as the client's version has them."""

    @abstractmethod
    def permission(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a permission request as the client's version has them."""


class SessionWords:
    """What was said in one session, as far as later words depend on it."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self.tails: dict[str, deque[str]] = {}
        self.mode: str | None = None


class FirstVersion(Dialect):
    """The stable version, which nearly every client speaks."""

    version = 1

    def __init__(self, capabilities: Mapping[str, object]) -> None:
        super().__init__(capabilities)
        meta = as_record(capabilities.get("_meta")) or {}
        session = as_record(capabilities.get("session")) or {}
        self._terminals = meta.get("terminal_output") is True
        self._notices = as_record(session.get("notices")) is not None
        self._compaction = as_record(session.get("compaction")) is not None

    def lower(self, update: Mapping[str, Any], session: SessionWords) -> list[dict[str, Any]]:
        """Return an update as the client's version has it: none, one or several."""
        match update["sessionUpdate"]:
            case "user_message" | "agent_message" | "agent_thought" as kind:
                chunk = {"sessionUpdate": f"{kind}_chunk", "messageId": update["messageId"]}
                return [{**chunk, "content": block} for block in update["content"]]
            case "tool_call_update":
                return [self._call(update, session)]
            case "terminal_update":
                return self._terminal(update, session)
            case "terminal_output_chunk":
                return [self._output(update, session)]
            case "plan_update":
                return [{"sessionUpdate": "plan", "entries": update["plan"]["entries"]}]
            case "config_option_update":
                return self._settings(update, session)
            case "available_commands_update":
                return [{**update, "availableCommands": [_first_command(each) for each in update["availableCommands"]]}]
            case "state_update":
                return []
            case "notice" if not self._notices:
                return self._thought(update)
            case "compaction_update" if not self._compaction:
                return []
            case _:
                return [dict(update)]

    def opened(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a request that opens a session is answered with."""
        options = self.config_options(settings["configOptions"])
        return {"modes": settings["modes"], "configOptions": options}

    def config_options(self, options: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return settings as the client's version has them."""
        return [{"id": option["configId"], **_without(option, "configId")} for option in options]

    def permission(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a permission request as the client's version has them."""
        call = params["subject"]["toolCall"]
        told = {"toolCall": _call_of(call, _first_content), "options": params["options"]}
        return {**told, "_meta": params["_meta"]} if "_meta" in params else told

    def _call(self, update: Mapping[str, Any], session: SessionWords) -> dict[str, Any]:
        call_id = update["toolCallId"]
        known = call_id in session.calls
        session.calls.add(call_id)
        told = _call_of(update, _first_content if not self._terminals else _terminal_content)
        told["sessionUpdate"] = "tool_call_update" if known else "tool_call"
        if not known:
            told.setdefault("title", "Tool")
        if self._terminals and not known and any(each["type"] == "terminal" for each in update.get("content", ())):
            info = {"terminal_id": call_id, "cwd": session.tails.get(call_id, deque([""]))[0]}
            told["_meta"] = {**told.get("_meta", {}), "terminal_info": info}
        return told

    def _terminal(self, update: Mapping[str, Any], session: SessionWords) -> list[dict[str, Any]]:
        terminal = update["terminalId"]
        if "exitStatus" not in update:
            session.tails[terminal] = deque([update["cwd"]] if self._terminals else [])
            return []
        shown = session.tails.pop(terminal, deque())
        told: dict[str, Any] = {"sessionUpdate": "tool_call_update", "toolCallId": terminal}
        if not self._terminals:
            return [{**told, "content": [_fenced(update["output"])]}] if update["output"] else []
        code = update["exitStatus"]["exitCode"]
        meta: dict[str, Any] = {"terminal_exit": {"terminal_id": terminal, "exit_code": code, "signal": None}}
        said = "".join(list(shown)[1:])
        rest = update["output"].removeprefix(said.strip("\n")) if said.strip("\n") in update["output"] else ""
        if rest or not said:
            meta["terminal_output"] = {"terminal_id": terminal, "data": rest or update["output"]}
        return [{**told, "_meta": meta}]

    def _output(self, update: Mapping[str, Any], session: SessionWords) -> dict[str, Any]:
        terminal, text = update["terminalId"], update["output"]
        shown = session.tails.setdefault(terminal, deque())
        shown.append(text)
        told: dict[str, Any] = {"sessionUpdate": "tool_call_update", "toolCallId": terminal}
        if self._terminals:
            return {**told, "_meta": {"terminal_output": {"terminal_id": terminal, "data": text}}}
        tail = "".join(shown)[-TAIL:]
        session.tails[terminal] = deque([tail])
        return {**told, "content": [_fenced(tail)]}

    def _settings(self, update: Mapping[str, Any], session: SessionWords) -> list[dict[str, Any]]:
        """Return changed settings, and the mode as older clients hear of it."""
        options = update["configOptions"]
        told: list[dict[str, Any]] = [{**update, "configOptions": self.config_options(options)}]
        mode = next((option["currentValue"] for option in options if option["configId"] == "mode"), None)
        if mode is not None and mode != session.mode:
            told.insert(0, {"sessionUpdate": "current_mode_update", "currentModeId": mode})
            session.mode = mode
        return told

    def _thought(self, update: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a notice for a client that has none: as a thought, so that it is not taken for the answer."""
        if update["severity"] == "info":
            return []
        text = " ".join(part for part in (update["title"], update.get("description")) if part)
        return [{"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": f"{text}\n\n"}}]


class SecondVersion(Dialect):
    """The version that is a published draft: updates are upserts, and the state of a session is told."""

    version = 2

    def lower(self, update: Mapping[str, Any], session: SessionWords) -> list[dict[str, Any]]:
        """Return an update as the client's version has it: none, one or several."""
        match update["sessionUpdate"]:
            case "tool_call_update":
                return [_call_of(update, _second_content)]
            case "terminal_update":
                told = _without(update, "output")
                if update.get("output"):
                    told["output"] = {"data": _base64(update["output"])}
                return [told]
            case "terminal_output_chunk":
                return [{**_without(update, "output"), "data": _base64(update["output"])}]
            case _:
                return [dict(update)]

    def opened(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a request that opens a session is answered with."""
        return {"configOptions": list(settings["configOptions"])}

    def config_options(self, options: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return settings as the client's version has them."""
        return [dict(option) for option in options]

    def permission(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a permission request as the client's version has them."""
        subject = params["subject"]
        return {**params, "subject": {**subject, "toolCall": _call_of(subject["toolCall"], _second_content)}}


def dialect_for(version: int, capabilities: Mapping[str, object]) -> Dialect:
    """Return how a client is spoken to that asks for this version: that one, or the nearest below or above."""
    return (FirstVersion if version < 2 else SecondVersion)(capabilities)


def _call_of(update: Mapping[str, Any], content: Any) -> dict[str, Any]:
    told = dict(update)
    if "content" in told:
        told["content"] = [part for each in told["content"] for part in content(each)]
        if not told["content"]:
            del told["content"]
    if content is not _second_content and told.get("status") == _CANCELLED:
        told["status"] = "failed"
    return told


def _first_content(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    if entry["type"] == "terminal":
        return []
    if entry["type"] != "diff":
        return [dict(entry)]
    change = entry["change"]
    if change.operation == "move" and change.old is None:
        return []
    return [{"type": "diff", "path": change.path, "oldText": change.old, "newText": change.new}]


def _terminal_content(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(entry)] if entry["type"] == "terminal" else _first_content(entry)


def _second_content(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    if entry["type"] != "diff":
        return [dict(entry)]
    from agent_chat.acp.converting.changes import git_patch

    change = entry["change"]
    what: dict[str, Any] = {"operation": change.operation, "path": change.path}
    if change.old_path is not None:
        what["oldPath"] = change.old_path
    told: dict[str, Any] = {"type": "diff", "changes": [what]}
    if change.old is not None or change.new or change.operation == "move":
        told["patch"] = {"format": "git_patch", "text": git_patch([change])}
    return [told]


def _first_command(command: Mapping[str, Any]) -> dict[str, Any]:
    told = _without(command, "type")
    if (given := as_record(told.get("input"))) is not None:
        told["input"] = {"hint": given["hint"]}
    return told


def _fenced(text: str) -> dict[str, Any]:
    from agent_chat.acp.converting.tool_calls import fenced

    return fenced(text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _without(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}
