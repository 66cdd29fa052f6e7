"""What values show of themselves."""

from __future__ import annotations

from agent_sdk_core import (
    AssistantMessage,
    ChatModel,
    InitMessage,
    ResultMessage,
    SessionInfo,
    SessionOptions,
    TextBlock,
    ToolRegistry,
    Usage,
    parse_message,
    tool,
)
from agent_sdk_core.messages.conversation import ApiMessage
from agent_sdk_core.redaction import learn
from agent_sdk_core.wire.shown import described, shown


def test_a_long_value_is_cut_and_a_secret_replaced() -> None:
    learn("correct horse battery")
    assert len(shown("x" * 10_000)) <= 200
    assert "horse" not in shown({"text": ["correct horse battery"]})
    assert "hunter22" not in shown({"password": "hunter22"})


def test_what_holds_nothing_is_left_out_and_zero_and_false_are_not() -> None:
    assert described(SessionInfo(), a=None, b="", c=(), d=0, e=False, f=1) == "SessionInfo(d=0, e=False, f=1)"


def test_values_show_what_is_not_as_it_would_be_unsaid() -> None:
    assert repr(SessionInfo(model="m")) == "SessionInfo(model='m')"
    assert repr(ChatModel("m", "M", "codex")) == "ChatModel(id='m', label='M', backend='codex')"
    assert repr(Usage(input_tokens=3)) == "Usage(input_tokens=3)"
    assert repr(InitMessage(model="m", uuid="u")) == "InitMessage(model='m', uuid='u')"


def test_a_message_shows_what_it_says_before_its_identity() -> None:
    message = AssistantMessage(uuid="u", session_id="s", message=ApiMessage(content=[TextBlock(text="Hello")]))
    assert repr(message) == (
        "AssistantMessage(message=ApiMessage(content=[TextBlock(text='Hello')]), uuid='u', session_id='s')"
    )
    assert str(message) == repr(message)
    assert "x=1" in repr(parse_message({"type": "of_tomorrow", "x": 1}))


def test_a_result_shows_its_outcome() -> None:
    failed = ResultMessage(subtype="error_during_execution", errors=["It broke."], uuid="u", is_error=True)
    assert repr(failed) == "ResultMessage(outcome='failed', errors=['It broke.'], uuid='u')"


def test_options_show_what_is_set_and_nothing_else() -> None:
    options = SessionOptions(model="m", include_partial_messages=False, env={"TOKEN": "hunter22"})
    assert repr(options) == "SessionOptions(model='m', env={'TOKEN': '**********'}, include_partial_messages=False)"
    assert repr(SessionOptions()) == str(SessionOptions()) == "SessionOptions()"


def test_tools_show_their_names_and_arguments() -> None:
    @tool
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    assert repr(add) == "Tool(name='add', description='Add two numbers.', arguments=('a', 'b'))"
    assert repr(ToolRegistry("math", [add])) == "ToolRegistry(name='math', tools=('add',))"
