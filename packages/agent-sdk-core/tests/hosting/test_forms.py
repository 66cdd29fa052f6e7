from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    Hook,
    Hooks,
    ImageInput,
    InvalidRequestError,
    McpServer,
    PolicyGuard,
    PolicyLimits,
    Secret,
    SessionOptions,
    Source,
    TextInput,
    TurnOptions,
    UnsupportedOptionError,
    parse_message,
    tool,
)
from agent_sdk_core.asking.permissions import Defer
from agent_sdk_core.hosting.forms import (
    message_from_wire,
    message_to_wire,
    plain,
    prompt_from_wire,
    prompt_to_wire,
)
from agent_sdk_core.hosting.importable import imported, name_of
from agent_sdk_core.hosting.options_form import (
    options_from_wire,
    options_to_wire,
    turn_options_from_wire,
    turn_options_to_wire,
)
from agent_sdk_core.messages.base import Failure
from agent_sdk_core.tools.shell import shell
from agent_sdk_core.wire.error_form import as_json


def test_a_message_crosses_with_its_source() -> None:
    for failure in (None, Failure("rate_limit", retryable=True)):
        source = Source("codex", "t", "u", "i", "r", synthetic=True, failure=failure)
        message = parse_message({"type": "result", "subtype": "success"}, source=source)
        again = message_from_wire(message_to_wire(message))
        assert (again, again.source) == (message, source)
    bare = parse_message({"type": "result", "subtype": "success"})
    assert message_from_wire(message_to_wire(bare)).source is None


def test_a_prompt_crosses_with_its_bytes(tmp_path: Path) -> None:
    blocks = (TextInput("Look"), ImageInput(data=b"\x00\xff", media_type="image/png"), ImageInput(path=tmp_path))
    crossed = prompt_from_wire(prompt_to_wire(blocks))
    assert crossed[:2] == blocks[:2]
    assert prompt_from_wire(prompt_to_wire("Hello")) == "Hello"
    with pytest.raises(InvalidRequestError, match="no block of kind 'video'"):
        prompt_from_wire([{"kind": "video"}])


def test_options_cross_but_callbacks_stay(tmp_path: Path) -> None:
    async def allow(request: Any) -> Any:
        return request

    options = SessionOptions(
        cwd=tmp_path,
        can_use_tool=allow,
        request_timeout=3,
        env={"A": "b"},
        mcp_servers={"m": McpServer(command="x", env={"TOKEN": Secret("hidden-token")})},
        policy=PolicyGuard(deny=["Bash(sudo *)"], allow=["Read(**)"], limits=PolicyLimits(turns=3)),
        tools=["shell"],
        sandbox={"mode": "read-only"},  # pyright: ignore[reportArgumentType]  # tables are taken
        output_schema={"type": "object"},
    )
    wire = options_to_wire(options)
    assert "can_use_tool" not in wire
    assert "request_timeout" not in wire
    again = options_from_wire(wire)
    assert isinstance(again.can_use_tool, Defer)
    for name in ("cwd", "env", "sandbox", "output_schema"):
        assert as_json(getattr(again, name)) == as_json(getattr(options, name))
    assert again.policy is not None
    assert options.policy is not None
    assert [rule.text for rule in again.policy.rules] == [rule.text for rule in options.policy.rules]
    assert again.policy.limits == options.policy.limits
    assert [entry.name for registry in again.registries for entry in registry] == ["shell"]
    assert wire["mcp_servers"]["m"]["env"]["TOKEN"] == "hidden-token"


async def hook_of_a_module(event: Any) -> None:
    del event


def test_functions_cross_by_name_and_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert imported(name_of(shell, what="x", option="tools")) is shell
    monkeypatch.setitem(__import__("sys").modules, "hooks_here", _module())
    monkeypatch.setattr(hook_of_a_module, "__module__", "hooks_here")
    wire = options_to_wire(SessionOptions(hooks=Hooks(pre_tool_use=Hook(hook_of_a_module, matcher="Bash", timeout=3))))
    again = options_from_wire(wire)
    assert again.hooks is not None
    [hook] = again.hooks.of("pre_tool_use")
    assert (hook.run, hook.matcher, hook.timeout) == (hook_of_a_module, "Bash", 3)

    @tool
    async def local(word: str) -> str:
        """Say it."""
        return word

    with pytest.raises(UnsupportedOptionError, match="imports it by its name") as raised:
        options_to_wire(SessionOptions(tools=[local]))
    assert raised.value.details["option"] == "tools"
    for name in ("no_such_module:x", "os:no_such", "os"):
        with pytest.raises(InvalidRequestError, match="cannot import"):
            imported(name)
    with pytest.raises(InvalidRequestError, match="is no tool on the host"):
        options_from_wire({"tools": [{"name": "r", "tools": ["os:getcwd"]}]})


def _module() -> Any:
    from types import ModuleType

    made = ModuleType("hooks_here")
    made.hook_of_a_module = hook_of_a_module  # pyright: ignore[reportAttributeAccessIssue]  # of this test alone
    return made


def test_turn_options_cross() -> None:
    options = TurnOptions(model="m", output_schema={"type": "object"})
    assert turn_options_from_wire(turn_options_to_wire(options)) == options
    assert turn_options_from_wire(turn_options_to_wire(None)) is None


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="no form in JSON"):
        plain(object())
