"""The settings: their names, their types, and how each may be written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.config.secret import Secret
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.option_values import Options
from agent_sdk_core.options import SandboxPolicy
from agent_sdk_core.sub_agents import checked_mode


def _absolute(path: Path, info: ValidationInfo) -> Path:
    context: Mapping[str, Path | None] = info.context or {}
    base = context.get("folder")
    expanded = os.path.expanduser(path)  # noqa: PTH111  # never raises, unlike Path.expanduser()
    return Path(os.path.abspath(os.path.join(base or "", expanded)))  # noqa: PTH100, PTH118  # likewise


def _sandbox(value: Any) -> Any:
    return {"mode": value} if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; leave it out")
    return value


def _writable_roots(policy: SandboxPolicy, info: ValidationInfo) -> SandboxPolicy:
    roots = tuple(str(_absolute(Path(root), info)) for root in policy.writable_roots)
    return policy.model_copy(update={"writable_roots": roots}) if roots else policy


def _rules(texts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    from agent_sdk_core.policy.rules import problem  # Only where there are rules.

    for text in texts:
        if (reason := problem(text, str(info.field_name))) is not None:
            raise ValueError(f"has the rule {text!r}: {reason}")
    return texts


def _variables(env: Mapping[str, Secret]) -> Mapping[str, Secret]:
    for name, value in env.items():
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"{name!r} is no name of an environment variable")
        if "\0" in value.reveal():
            raise ValueError(f"the value of {name!r} holds a NUL character")
    return env


RuleTexts = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_rules)]
Text = Annotated[str, AfterValidator(_not_blank)]
AbsolutePath = Annotated[Path, Field(strict=False), AfterValidator(_absolute)]
"""A path; a relative one is relative to the folder of the file that names it, "~" is the user's home."""


class BackendConfig(Options):
    """Settings of one backend; they beat the general ones of the same file.

    Attributes:
        executable: The agent's executable.
        env: Environment variables for the agent, beside those of this process; their values are never shown.
        model: Model id, as this agent knows it.
        reasoning_effort: How much its model reasons.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    executable: AbsolutePath | None = None
    env: Annotated[Mapping[str, Secret], Field(strict=False), AfterValidator(_variables)] = Field(default_factory=dict)
    model: Text | None = None
    reasoning_effort: Text | None = None


class PolicyRules(Options):
    """The rules of one file, or of all of them together.

    Attributes:
        deny: What never happens.
        ask: What a person decides.
        allow: What happens unasked; a workspace file may not say it.
        scope: "asked_only" accepts that a refusal binds only what the agent asks about, see
            `SessionOptions.policy_scope`; only the user's own file says it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    deny: RuleTexts = ()
    ask: RuleTexts = ()
    allow: RuleTexts = ()
    scope: Literal["every_call", "asked_only"] | None = None


class Fields(Options):
    """What can be configured, see `RuntimeConfig`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    backend: Text | None = None
    model: Text | None = None
    reasoning_effort: Annotated[ReasoningEffort, AfterValidator(_not_blank)] | None = None
    permission_mode: Annotated[PermissionMode, BeforeValidator(checked_mode)] | None = None
    sandbox: Annotated[SandboxPolicy, BeforeValidator(_sandbox), AfterValidator(_writable_roots)] | None = None
    request_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    trusted_folders: Annotated[tuple[AbsolutePath, ...], Field(strict=False)] = ()
    policy: PolicyRules = PolicyRules()
    backends: Annotated[Mapping[str, BackendConfig], Field(strict=False)] = Field(default_factory=dict)
