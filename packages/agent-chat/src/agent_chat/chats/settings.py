"""Settings of a chat: what a front end chooses when it makes one, checked, and the options of its session."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from agent_chat.storage.records import ChatMeta
from agent_chat.storage.workspaces import workspace_of
from agent_sdk_core.asking.mode_names import parse_mode
from agent_sdk_core.asking.permissions import DEFER
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.options import SandboxPolicy, SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard

DEFAULT_MODE: Final = "default"
"""What applies when neither the chat nor the configuration names a mode: the agent asks first."""

SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]
SANDBOXES: Final[tuple[SandboxMode, ...]] = ("read-only", "workspace-write", "danger-full-access")


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """What a new chat is like; None: as configured, or as the agent has it.

    Attributes:
        backend: Name of its agent.
        model: Model id.
        effort: How much the model reasons.
        permission_mode: How much the agent may do unasked.
        sandbox: What its tools may touch: a mode of `SandboxPolicy`.
        cwd: Folder that it works in; None: the service's.
        title: What lists call it; "": the beginning of its first prompt.
        tags: Words to find it by.
    """

    backend: str | None = None
    model: str | None = None
    effort: str | None = None
    permission_mode: str | None = None
    sandbox: str | None = None
    cwd: str | None = None
    title: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def from_wire(cls, data: Mapping[str, object]) -> Self:
        """Return the settings of JSON-compatible data.

        Raises:
            InvalidRequestError: There is no such setting, or one is of a wrong kind; the message names the nearest.
        """
        known = [field.name for field in fields(cls)]
        for name, value in data.items():
            if name not in known:
                meant = nearest(name, known)
                hint = f"did you mean {meant!r}?" if meant else f"it has {', '.join(known)}."
                raise InvalidRequestError(f"A chat has no setting {name!r}; {hint}")
            tags = isinstance(value, list | tuple) and all(isinstance(tag, str) for tag in cast("list[object]", value))
            if not (tags if name == "tags" else isinstance(value, str) or (value is None and name != "title")):
                raise InvalidRequestError(f"A chat's {name!r} cannot be {value!r}.")
        given: dict[str, Any] = {**data}
        if "tags" in given:
            given["tags"] = tuple(given["tags"])
        return cls(**given)

    def chat(self, backend: str, cwd: Path) -> ChatMeta:
        """Return a new chat with these settings.

        Args:
            backend: Name of its agent.
            cwd: Folder that it works in when the settings name none.

        Raises:
            InvalidRequestError: The folder, the mode or the sandbox cannot be used.
        """
        folder = working_folder(self.cwd, cwd)
        return ChatMeta(
            id=str(uuid.uuid4()),
            title=self.title,
            backend=backend,
            model=self.model or None,
            effort=self.effort or None,
            permission_mode=parse_mode(self.permission_mode) if self.permission_mode else None,
            sandbox=checked_sandbox(self.sandbox),
            cwd=str(folder),
            workspace=str(workspace_of(folder)),
            tags=self.tags,
        )


def session_options(
    chat: ChatMeta,
    config: RuntimeConfig,
    *,
    base: SessionOptions | None,
    policy: PolicyGuard | None,
    extra: Mapping[str, object] | None = None,
) -> SessionOptions:
    """Return the options of a chat's session: the chat's own above the application's above what is configured.

    `extra` stands between the first two; its MCP servers and folders come beside those of the application. Every
    request of the agent waits in the session, for whoever answers first.

    Raises:
        InvalidRequestError: They do not go together.
    """
    given: dict[str, object] = {}
    if base is not None:
        given |= {name: getattr(base, name) for name in base.model_fields_set}
    for name, value in (extra or {}).items():
        given[name] = _beside(given.get(name), value)
    own = {"model": chat.model, "reasoning_effort": chat.effort, "permission_mode": chat.permission_mode}
    given |= {name: value for name, value in own.items() if value is not None}
    if chat.sandbox is not None:
        given["sandbox"] = SandboxPolicy(mode=cast("SandboxMode", chat.sandbox))
    if policy is not None:
        given["policy"] = policy
    if "permission_mode" not in given and config.permission_mode is None:
        given["permission_mode"] = DEFAULT_MODE
    given |= {"cwd": chat.cwd, "can_use_tool": DEFER, "on_question": DEFER, "on_elicitation": DEFER}
    if chat.last_session_id is not None:
        given["resume"] = chat.last_session_id
    return config.session_options(chat.backend, **given)


def _beside(first: object, more: object) -> object:
    """Return a table or a list with what is added to it; of anything else what came last."""
    if isinstance(first, Mapping) and isinstance(more, Mapping):
        return {**cast("Mapping[str, object]", first), **cast("Mapping[str, object]", more)}
    if isinstance(first, tuple) and isinstance(more, tuple):
        return (*cast("tuple[object, ...]", first), *cast("tuple[object, ...]", more))
    return more


def working_folder(path: str | None, default: Path) -> Path:
    """Return the resolved folder that a chat works in.

    Raises:
        InvalidRequestError: It is none.
    """
    try:
        folder = (default / Path(path).expanduser() if path else default).resolve()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidRequestError(f"The folder {path!r} cannot be used: {error}.") from None
    if not is_folder:
        raise InvalidRequestError(f"{folder} is not a folder; name one that exists.")
    return folder


def checked_sandbox(name: str | None) -> str | None:
    """Return a mode of a sandbox.

    Raises:
        InvalidRequestError: There is none of this name.
    """
    if not name:
        return None
    if name not in SANDBOXES:
        raise InvalidRequestError(f"There is no sandbox {name!r}; choose one of {', '.join(SANDBOXES)}.")
    return name
