from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from agent_sdk_core.asking.permissions import DEFER
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.mcp_servers import McpServer
from agent_sdk_core.option_values import environment_of
from agent_sdk_core.options import SandboxPolicy, SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard
from agent_sdk_core.secret import Secret
from agent_sdk_core.sub_agents import AgentDefinition
from agent_sdk_core.tools.registry import ToolRegistry
from agent_sdk_core.tools.tool import tool

CALLBACKS = ["can_use_tool", "on_question", "on_elicitation"]


async def function(request: object) -> Any:
    return request


async def with_more(more: object, request: object) -> Any:
    return more, request


@tool
async def stock(symbol: str) -> str:
    """Tell the price of a stock."""
    return symbol


class Asker:
    async def method(self, request: object) -> Any:
        return request

    @classmethod
    async def of_class(cls, request: object) -> Any:
        return request

    @staticmethod
    async def static(request: object) -> Any:
        return request

    def sync(self, request: object) -> Any:
        return request


class Callable_:
    async def __call__(self, request: object) -> Any:
        return request


class SyncCallable:
    def __call__(self, request: object) -> Any:
        return request


ASYNC: dict[str, Any] = {
    "function": function,
    "bound method": Asker().method,
    "class method": Asker.of_class,
    "static method": Asker.static,
    "callable object": Callable_(),
    "partial": partial(with_more, 1),
    "partial of a partial": partial(partial(with_more), 1),
    "partial of a method": partial(Asker().method),
    "partial of a callable object": partial(Callable_()),
    "mock": AsyncMock(),
    "DEFER": DEFER,
    "nothing": None,
}
SYNC: dict[str, Any] = {
    "function": Asker().sync,
    "builtin": print,
    "bound method of a builtin": "text".join,
    "callable object": SyncCallable(),
    "class": Callable_,
    "partial": partial(print),
    "partial of a callable object": partial(SyncCallable()),
    "no callable": 5,
    "text": "function",
}


@pytest.mark.parametrize("field", CALLBACKS)
@pytest.mark.parametrize("callback", ASYNC.values(), ids=ASYNC)
def test_async_callbacks_are_taken_as_they_are(field: str, callback: Any) -> None:
    assert getattr(SessionOptions(**{field: callback}), field) is callback


@pytest.mark.parametrize("field", CALLBACKS)
@pytest.mark.parametrize("callback", SYNC.values(), ids=SYNC)
def test_what_is_not_async_is_refused_when_the_options_are_built(field: str, callback: Any) -> None:
    with pytest.raises(InvalidRequestError, match=rf"^SessionOptions\.{field} must be an async function"):
        SessionOptions(**{field: callback})


@pytest.mark.parametrize("field", CALLBACKS)
def test_a_callback_of_three_arguments_is_told_that_it_gets_one(field: str) -> None:
    async def official(tool_name: str, tool_input: object, context: object) -> None:
        del tool_name, tool_input, context

    async def with_default(request: object, retries: int = 3) -> None:
        del request, retries

    with pytest.raises(InvalidRequestError, match=rf"^SessionOptions\.{field} must take one argument, the request"):
        made_with(SessionOptions, **{field: official})
    assert made_with(SessionOptions, **{field: with_default})


def test_options_are_frozen() -> None:
    options = SessionOptions(model="m")
    with pytest.raises(InvalidRequestError, match=r"SessionOptions cannot be changed; make a copy.*'model'"):
        options.model = "n"  # type: ignore[misc]  # frozen: what is tested
    with pytest.raises(InvalidRequestError, match="SessionOptions cannot be changed"):
        del options.model
    assert options.model_copy(update={"model": "n"}).model == "n"
    assert options.model == "m"


@pytest.mark.parametrize("cls", [SessionOptions, SandboxPolicy])
def test_an_unknown_field_is_named(cls: Any) -> None:
    with pytest.raises(InvalidRequestError, match=rf"{cls.__name__}\.temperature does not exist\.$"):
        cls(temperature=1)


@pytest.mark.parametrize(
    ("made", "meant"),
    [
        (lambda: made_with(SessionOptions, max_turn=1), "max_turn does not exist; did you mean 'max_turns'?"),
        (lambda: made_with(SessionOptions, modle="m"), "modle does not exist; did you mean 'model'?"),
        (lambda: SessionOptions.model_validate({"max_turn": 1}), "did you mean 'max_turns'?"),
        (lambda: SessionOptions().model_copy(update={"max_turn": 1}), "did you mean 'max_turns'?"),
        (lambda: made_with(SandboxPolicy, mode="read-only", writeable_roots=()), "did you mean 'writable_roots'?"),
        (lambda: made_with(RuntimeConfig, modle="m"), "RuntimeConfig.modle does not exist; did you mean 'model'?"),
        (lambda: made_with(SessionOptions, allowedTools=[]), "did you mean 'allowed_tools'?"),
        (lambda: made_with(SessionOptions, approval_policy="never"), "did you mean 'permission_mode'?"),
        (lambda: made_with(SessionOptions, working_directory="."), "did you mean 'cwd'?"),
        (lambda: made_with(SessionOptions, cli_path="claude"), "create_backend(…, executable=…) takes it."),
        (lambda: SessionOptions.model_validate_json('{"max_turn": 1}'), "did you mean 'max_turns'?"),
        (lambda: SessionOptions.model_validate_json("{"), "SessionOptions: this is no JSON: "),
        (lambda: SessionOptions.model_validate(None), "SessionOptions must be a table"),
        (lambda: cast("Any", SessionOptions)("."), "SessionOptions takes its values by name"),
        (lambda: SessionOptions().model_copy(update=cast("Any", 3)), "update must be a mapping, not 3"),
        (
            lambda: made_with(RuntimeConfig, sandbox={"mode": "nope"}),
            "RuntimeConfig.sandbox is wrong: SandboxPolicy.mode must be",
        ),
        (
            lambda: made_with(SessionOptions, sandbox={"mode": "read-only", "netwrok": True}),
            "SessionOptions.sandbox is wrong: SandboxPolicy.netwrok does not exist; did you mean 'network'?",
        ),
    ],
)
def test_the_option_that_was_meant_is_named(made: Any, meant: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        made()
    assert meant in caught.value.message


def made_with(cls: Any, **fields: object) -> object:
    return cls(**fields)


CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"permission_mode": "yolo"}, "permission_mode must be 'default', "),
    (
        {"personality": "freindly"},
        "personality must be 'none', 'friendly' or 'pragmatic', not 'freindly'; the nearest is 'friendly'.",
    ),
    ({"system_prompt": {"type": "preset", "append": "x"}}, "system_prompt must be text, not a table: the agent's own"),
    ({"request_timeout": 0}, "request_timeout must be greater than 0."),
    ({"request_timeout": -1}, "request_timeout must be greater than 0."),
    ({"request_timeout": float("nan")}, "request_timeout must be a finite number."),
    ({"request_timeout": float("inf")}, "request_timeout must be a finite number."),
    ({"request_timeout": "5"}, "request_timeout must be a number, not text."),
    ({"max_turns": 1.5}, "max_turns must be a whole number, not a number."),
    ({"max_turns": "3"}, "max_turns must be a whole number, not text."),
    ({"max_turns": True}, "max_turns must be a whole number, not true or false."),
    ({"max_budget_usd": float("inf")}, "max_budget_usd must be a finite number."),
    ({"fork": "no"}, "fork must be true or false, not text."),
    ({"include_partial_messages": 1}, "include_partial_messages must be true or false, not a number."),
    ({"inherit_env": "no"}, "inherit_env must be true, false, or a list of names."),
    ({"inherit_env": ("",)}, "inherit_env must list names of variables."),
    ({"env": {"A": 1}}, "env['A'] must be text or a Secret, not int."),
    ({"env": {"A": Secret("x\0y")}}, "env['A'] holds a NUL character."),
    ({"env": {"A": "x\0y"}}, "env['A'] holds a NUL character."),
    ({"env": {"A": "\udcff"}}, "env['A'] is not valid UTF-8."),
    ({"env": {"A=B": "x"}}, "env has 'A=B', which is no name of a variable."),
    ({"env": {"": "x"}}, "env has '', which is no name of a variable."),
    ({"env": {1: "x"}}, "env has the key 1, and keys are text."),
    ({"env": [("A", "B")]}, "env must be a table, not list."),
    ({"cwd": 5}, "cwd must be a path; name a folder, or leave it out."),
    ({"cwd": ""}, "cwd is empty; name a folder, or leave it out."),
    ({"cwd": b"/tmp"}, "cwd must be a path; "),
    ({"cwd": "a\0b"}, "cwd holds a NUL character; "),
    ({"cwd": Path("\udcff")}, "cwd is not valid UTF-8; "),
    ({"add_dirs": "/tmp"}, "add_dirs must be a list of folders."),
    ({"add_dirs": ("/tmp", "")}, "add_dirs[1] is empty."),
    ({"sandbox": {"mode": "open"}}, "sandbox is wrong: SandboxPolicy.mode must be 'read-only', "),
    ({"sandbox": "read-only"}, "sandbox takes a SandboxPolicy, such as SandboxPolicy(mode='read-only'), not str."),
    ({"model": 5}, "model must be text, not a number."),
    ({"model": ""}, "model is empty; leave it out."),
    ({"model": " "}, "model is empty; leave it out."),
    ({"model": "a\0b"}, "model holds a NUL character."),
    ({"model": "\ud83d"}, "model is not valid UTF-8."),
    ({"reasoning_effort": ""}, "reasoning_effort is empty; leave it out."),
    ({"resume": ""}, "resume is empty; leave it out."),
    ({"allowed_tools": "Bash"}, "allowed_tools must be a list, not text."),
    ({"allowed_tools": ("",)}, "allowed_tools[0] is empty; leave it out."),
    (
        {"setting_sources": ("users",)},
        "setting_sources[0] must be 'user', 'project' or 'local', not 'users'; the nearest is 'user'.",
    ),
    (
        {"mcp_servers": {"a": {"command": b"x"}}},
        "mcp_servers['a'] is wrong: McpServer.command must be text; name a program.",
    ),
    ({"mcp_servers": {"a": "x"}}, "mcp_servers['a'] must be a McpServer or a table."),
    ({"mcp_servers": {"": {}}}, "mcp_servers has a server without a name."),
    ({"mcp_servers": []}, "mcp_servers must be a table, not list."),
    ({"native": {"x": b"x"}}, "native['x'] is of type bytes, which JSON cannot hold."),
    ({"native": {"x": [float("nan")]}}, "native['x'][0] is nan, which JSON cannot hold."),
    ({"native": {"x": {1: 2}}}, "native['x'] has the key 1, and keys are text."),
    ({"native": CYCLE}, "native is nested too deeply, or holds itself."),
    ({"output_schema": {"required": {"a"}}}, "output_schema['required'] is of type set, which JSON cannot hold."),
    ({"tools": [function]}, "tools takes registries and tools, not <function function"),
    ({"tools": 5}, "tools takes registries and tools, not 5; "),
    ({"tools": [stock, stock]}, "tools There are two tools called 'stock'"),
    ({"model": 5, "max_turn": 1}, "model must be text, not a number. SessionOptions.max_turn does not exist;"),
]


@pytest.mark.parametrize(
    ("fields", "words"), WRONG, ids=[f"{next(iter(fields))}-{index}" for index, (fields, _) in enumerate(WRONG)]
)
def test_a_value_that_no_agent_can_be_sent_is_refused_when_the_options_are_made(
    fields: dict[str, Any], words: str
) -> None:
    for made in (
        lambda: SessionOptions(**fields),
        lambda: SessionOptions.model_validate(fields),
        lambda: SessionOptions(cwd="/").model_copy(update=fields),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            made()
        assert f"SessionOptions.{words}" in caught.value.message
        assert caught.value.details["option"] == next(iter(fields))
        assert caught.value.__cause__ is None


def test_a_secret_value_is_not_told() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        SessionOptions(env={"KEY": "hunter2\0"}, mcp_servers={"a": {"env": {"KEY": b"hunter2"}}})
    assert "hunter2" not in str(caught.value)


def test_paths_are_taken_as_text_and_tuples_as_lists_wherever_json_goes() -> None:
    options = SessionOptions(
        mcp_servers={"a": {"command": Path("/bin/server"), "args": ("-v",)}},
        native={"x": (Path("a"), 1, 1.5, None, True)},
        env={"HOME": Path("/home/x")},  # type: ignore[dict-item]  # taken all the same
        output_schema={"required": ("a",)},
    )
    assert options.mcp_servers == {"a": McpServer(command="/bin/server", args=("-v",))}
    assert options.native == {"x": ["a", 1, 1.5, None, True]}
    assert options.env == {"HOME": "/home/x"}
    assert options.output_schema == {"required": ["a"]}


def test_a_secret_is_taken_where_it_is_shown_nowhere_and_refused_where_it_would_be() -> None:
    secret = Secret("key-of-the-tools-3c9")
    options = SessionOptions(env={"KEY": secret, "CI": "1"})
    assert dict(options.env) == {"KEY": secret, "CI": "1"}
    assert environment_of("Backend", options.env) == {"KEY": "key-of-the-tools-3c9", "CI": "1"}
    shown = f"{options} {options.model_dump_json()} {options.model_copy(update={'env': options.env})}"
    assert "key-of-the-tools-3c9" not in shown
    for name in ("native", "settings"):
        with pytest.raises(InvalidRequestError, match=rf"{name}\['env'\]\['KEY'\] is a Secret, which env") as caught:
            SessionOptions(**cast("Any", {name: {"env": {"KEY": secret}}}))
        assert "key-of-the-tools-3c9" not in str(caught.value)


def test_lists_are_taken_where_tuples_stand() -> None:
    given: dict[str, Any] = {"add_dirs": ["/b"], "allowed_tools": ["Bash"], "inherit_env": {"PATH"}}
    options = SessionOptions(**given)
    assert (options.add_dirs, options.allowed_tools, options.inherit_env) == (("/b",), ("Bash",), ("PATH",))


@pytest.mark.parametrize("given", [stock, [stock], (stock,), iter([stock])], ids=["one", "list", "tuple", "iterator"])
def test_tools_are_taken_as_a_registry(given: Any) -> None:
    options = SessionOptions(tools=given)
    assert [entry.name for registry in options.registries for entry in registry] == ["stock"]
    assert options.model_copy(update={"model": "m"}).tools is options.tools


def test_a_changed_copy_keeps_what_was_set() -> None:
    registry = ToolRegistry("mine", [stock])
    options = SessionOptions(tools=registry, can_use_tool=DEFER)
    copied = options.model_copy(update={"model": "m", "cwd": None})
    assert copied.model_fields_set == {"tools", "can_use_tool", "model", "cwd"}
    assert copied.tools is registry
    assert options.model_copy() == options
    assert options.model_copy(deep=True, update={"env": {"A": "b"}}).env == {"A": "b"}


def test_paths_may_be_text_or_path_objects() -> None:
    options = SessionOptions(cwd=Path("/a"), add_dirs=("/b", Path("/c")))
    assert options.cwd == Path("/a")
    assert options.add_dirs == ("/b", Path("/c"))


def test_absent_fields_are_not_set() -> None:
    assert SessionOptions().model_fields_set == set()
    assert SessionOptions(model=None).model_fields_set == {"model"}


def test_require_supported_lets_absent_fields_pass() -> None:
    SessionOptions().require_supported("memory", list(SessionOptions.model_fields))


@pytest.mark.parametrize(
    "fields", [{"fork": False}, {"session_id": None}, {"env": {}}, {"add_dirs": ()}, {"native": {}}], ids=str
)
def test_require_supported_lets_defaults_pass(fields: dict[str, Any]) -> None:
    SessionOptions(**fields).require_supported("memory", list(fields))


@pytest.mark.parametrize(
    "fields", [{"resume": "r"}, {"session_id": "s"}, {"env": {"A": "1"}}, {"system_prompt": ""}], ids=str
)
def test_require_supported_names_field_and_backend(fields: dict[str, Any]) -> None:
    options = SessionOptions(**fields)
    options.require_supported("memory", ["fork"])
    (name,) = fields
    with pytest.raises(UnsupportedOptionError, match=rf"memory .*SessionOptions\.{name}") as caught:
        options.require_supported("memory", ["fork", name])
    assert caught.value.backend == "memory"
    assert caught.value.details["option"] == name


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"fork": True}, "has fork=True and nothing to fork; add resume"),
        ({"fork": True, "fork_at": "t"}, "has fork=True and nothing to fork; add resume"),
        ({"fork_at": "t"}, "has fork_at, which says where a fork begins; add fork=True and resume"),
        ({"resume": "r", "fork_at": "t"}, "has fork_at, which says where a fork begins; add fork=True and resume"),
        ({"resume": "r", "session_id": "s"}, "has resume and session_id, and a session that goes on keeps its id"),
    ],
    ids=str,
)
def test_options_that_name_no_session_or_two_are_refused_when_they_are_made(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^SessionOptions {words}"):
        SessionOptions(**fields)
    with pytest.raises(InvalidRequestError, match=words):
        SessionOptions().model_copy(update=fields)
    assert SessionOptions(resume="r", fork=True, fork_at="t", session_id="s").fork


def test_a_policy_that_would_not_bind_every_call_is_refused_unless_that_is_accepted() -> None:
    refusing = PolicyGuard(deny=["Bash"])
    for options in (SessionOptions(policy=refusing), SessionOptions(policy_scope="every_call")):
        options.require_enforceable("claude", "every_call")
        with pytest.raises(UnsupportedOptionError, match="asked_only"):
            options.require_enforceable("codex", "asked_only")
    SessionOptions(policy=refusing, policy_scope="asked_only").require_enforceable("codex", "asked_only")
    SessionOptions(policy=PolicyGuard(allow=["Bash"])).require_enforceable("codex", "asked_only")


def test_a_policy_is_a_guard() -> None:
    with pytest.raises(InvalidRequestError, match=r"policy takes a PolicyGuard, such as .*, not dict"):
        SessionOptions(policy={"deny": ["Bash"]})  # type: ignore[arg-type]  # what is refused


def test_a_rule_that_names_a_tool_of_the_application_without_its_server_is_told() -> None:
    @tool
    async def pay(amount: int) -> str:
        """Pay."""
        return str(amount)

    told = SessionOptions(tools=[pay], policy=PolicyGuard(deny=["pay", "mcp__tools__pay", "refund"])).warnings()
    assert told == ("the policy's rule 'pay' may cover nothing: the tool is called mcp__tools__pay.",)
    assert SessionOptions(policy=PolicyGuard(deny=["pay"])).warnings() == ()
    (told_of_allow,) = SessionOptions(policy=PolicyGuard(allow=["Bsh"])).warnings()
    assert "did you mean 'Bash'" in told_of_allow


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"agents": ["reviewer"]}, "agents must be a table of AgentDefinition by name, not list."),
        ({"agents": {" ": {}}}, "agents has ' ', which is no name of a sub-agent."),
        ({"agents": {"a": {"description": "x"}}}, "agents['a'] is wrong: AgentDefinition.prompt is missing."),
        (
            {"agents": {"a": {"description": "x", "prompt": "y", "tool": []}}},
            "agents['a'] is wrong: AgentDefinition.tool does not exist; did you mean 'tools'?",
        ),
        (
            {"agents": {"a": {"description": "x", "prompt": "y", "permission_mode": "never"}}},
            "agents['a'] is wrong: AgentDefinition.permission_mode cannot be this: 'never' is an approval policy",
        ),
        ({"builtin_tools": "Read"}, "builtin_tools must be a list, not text."),
        ({"skills": [1]}, "skills[0] must be text, not a number."),
        ({"betas": ["b", " "]}, "betas[1] is empty; leave it out."),
        ({"max_thinking_tokens": -1}, "max_thinking_tokens must be at least 0."),
        ({"personality": "rude"}, "personality must be 'none', 'friendly' or 'pragmatic', not 'rude'."),
        ({"settings": "{"}, "settings is no JSON: "),
        ({"settings": 5}, "settings must be a path; give a table, or name a file."),
        ({"settings": {"x": b"x"}}, "settings['x'] is of type bytes, which JSON cannot hold."),
    ],
    ids=str,
)
def test_a_typed_option_that_is_of_no_use_is_refused_by_name(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        SessionOptions(**fields)
    assert caught.value.message.startswith(f"SessionOptions.{words}")


def test_typed_options_are_held_as_values_that_do_not_change() -> None:
    definition = AgentDefinition(
        description="x", prompt="y", tools=["Read"], permission_mode=cast("Any", "acceptEdits")
    )
    names = ["Read"]
    options = SessionOptions(
        agents={"a": definition, "b": cast("Any", {"description": "x", "prompt": "y"})},
        builtin_tools=names,
        settings='{"model": "m", "apiKeyHelper": "secret-of-mine"}',
    )
    names.append("Write")
    assert (options.builtin_tools, definition.tools, definition.permission_mode) == (
        ("Read",),
        ("Read",),
        "accept_edits",
    )
    assert options.agents["a"] is definition
    assert options.agents["b"].prompt == "y"
    assert options.settings == {"model": "m", "apiKeyHelper": "secret-of-mine"}
    assert SessionOptions(settings=Path("mine.json")).settings == Path("mine.json")
    assert "secret-of-mine" not in repr(SessionOptions(settings={"env": {"API_KEY": "secret-of-mine"}}))


def test_a_field_of_a_sub_agent_that_a_backend_cannot_honour_is_named() -> None:
    definition = AgentDefinition(description="x", prompt="y", model="m", tools=["Read"])
    definition.require_only("model", "tools", name="a", backend="codex")
    with pytest.raises(UnsupportedOptionError, match=r"codex .*'tools' of SessionOptions\.agents\['a'\]") as caught:
        definition.require_only("model", name="a", backend="codex")
    assert caught.value.details == {"option": "agents"}


def test_several_registries_and_single_tools_are_taken_together() -> None:
    one, two = ToolRegistry("one", [stock]), ToolRegistry("two")
    assert SessionOptions(tools=one).registries == (one,)
    assert SessionOptions().registries == ()
    options = SessionOptions(tools=[one, two, stock])
    assert [registry.name for registry in options.registries] == ["one", "two", "tools"]
    assert [entry.name for entry in options.registries[2]] == ["stock"]
    assert options.model_copy(update={"model": "m"}).registries == options.registries
    with pytest.raises(InvalidRequestError, match="tools has two registries called 'one'"):
        SessionOptions(tools=[one, ToolRegistry("one")])
    with pytest.raises(InvalidRequestError, match="tools takes registries and tools, not 5; put @tool above"):
        SessionOptions(tools=cast("Any", [5]))


@tool(ask="always")
async def pay(cents: int) -> str:
    """Pay."""
    return f"{cents}"


@pytest.mark.parametrize(
    ("fields", "never"),
    [
        ({"permission_mode": "bypass"}, "in permission_mode='bypass' nobody is asked"),
        ({"permission_mode": "bypass", "tools": [stock]}, "in permission_mode='bypass' nobody is asked"),
        ({"permission_mode": "bypass", "tools": [pay]}, None),
        ({"permission_mode": "bypass", "policy": PolicyGuard(ask=["Bash"])}, None),
        ({"permission_mode": "bypass", "policy": PolicyGuard(deny=["Bash"])}, "in permission_mode='bypass'"),
        ({"permission_mode": "bypass", "policy": PolicyGuard(deny=["Bash(rm *)"])}, None),
        ({"permission_mode": "dont_ask", "tools": [pay]}, "in permission_mode='dont_ask'"),
        ({"allowed_tools": ("*",)}, "allowed_tools allows every tool"),
        ({"allowed_tools": ("*",), "tools": [pay]}, None),
        ({"permission_mode": "default"}, None),
    ],
)
def test_a_callback_is_said_to_be_never_called_only_where_nothing_asks_it(
    fields: dict[str, Any], never: str | None
) -> None:
    told = SessionOptions(can_use_tool=DEFER, **fields).warnings()
    assert [never in sentence for sentence in told if never] == ([] if never is None else [True])
    assert bool(told) is (never is not None)
    assert SessionOptions(**fields).warnings() == ()
