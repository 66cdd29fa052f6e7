"""Messages as updates: what streams, what tools do, what is around them; in both versions, held to the schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent_chat.acp.converting.asking import answer_of, asks
from agent_chat.acp.converting.choices import checked_choice, config_options, modes
from agent_chat.acp.converting.commands import commands_of, wants_compaction
from agent_chat.acp.converting.forms import Forms
from agent_chat.acp.converting.prompts import prompt_of
from agent_chat.acp.converting.servers import session_extra
from agent_chat.acp.converting.updates import Converter, usage_of
from agent_chat.acp.dialects import Dialect, SessionWords, dialect_for
from agent_chat.acp.failures import refusal_of
from agent_chat.acp.opened.prompt import stop_reason
from agent_chat.storage.records import ChatMeta
from agent_sdk_core import AgentError, Allow, Answers, Deny, InvalidRequestError, PermissionRequest
from agent_sdk_core.asking.permissions import PermissionOption
from agent_sdk_core.asking.questions import Choice, ElicitationAnswer, ElicitationRequest, Question, QuestionRequest
from agent_sdk_core.interfaces.capabilities import BackendCapabilities
from agent_sdk_core.interfaces.session import AgentCommand, SessionInfo
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import Usage
from agent_sdk_core.models import ChatModel

SCHEMAS = Path(__file__).parents[4] / "schemas" / "acp"
Update = dict[str, Any]
Make = Any


@cache
def validator(version: int, name: str) -> Any:
    schema = json.loads((SCHEMAS / f"v{version}" / "schema.unstable.json").read_text())
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


class Told:
    """What clients of both versions are told of messages."""

    def __init__(self, *, cwd: str = "/project", replays: bool = False, first: Update | None = None) -> None:
        self.converter = Converter(cwd, replays=replays)
        self.spoken: list[tuple[Dialect, SessionWords, list[Update]]] = [
            (dialect_for(1, first or {}), SessionWords(), []),
            (dialect_for(2, {}), SessionWords(), []),
        ]

    def feed(self, *messages: SDKMessage) -> Told:
        for message in messages:
            for update in self.converter.feed(message):
                for dialect, words, told in self.spoken:
                    lowered = dialect.lower(update, words)
                    name = "SessionNotification" if dialect.version == 1 else "UpdateSessionNotification"
                    for each in lowered:
                        validator(dialect.version, name).validate({"sessionId": "s", "update": each})
                    told += lowered
        return self

    @property
    def first(self) -> list[Update]:
        return self.spoken[0][2]

    @property
    def second(self) -> list[Update]:
        return self.spoken[1][2]

    def said(self, kind: str = "agent_message_chunk") -> str:
        return "".join(each["content"]["text"] for each in self.first if each["sessionUpdate"] == kind)


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_streamed_is_not_said_again_and_what_was_lacking_is_added(wire: Make, told: Told) -> None:
    told.feed(wire.delta("m", "Hel"), wire.delta("m", "lo"), wire.text("m", "Hello"))
    assert told.said() == "Hello"
    told.feed(wire.delta("n", "Hel"), wire.text("n", "Hello"))
    assert told.said() == "HelloHello"
    assert {each["messageId"] for each in told.first} == {"m", "n"}


def test_text_that_differs_from_what_streamed_replaces_it(wire: Make, told: Told) -> None:
    told.feed(wire.delta("m", "Wrong"), wire.text("m", "Right"))
    assert told.second[-1] == {
        "sessionUpdate": "agent_message",
        "messageId": "m",
        "content": [{"type": "text", "text": "Right"}],
    }
    assert told.said() == "WrongRight"


def test_blocks_of_one_message_are_messages_of_their_own(wire: Make, told: Told) -> None:
    told.feed(
        wire.delta("m", "hm", thinking=True),
        wire.thinking("m", "hm"),
        wire.delta("m", "one", index=1),
        wire.text("m", "one"),
        wire.delta("m", "two", index=2),
        wire.text("m", "two"),
    )
    assert [(each["sessionUpdate"], each["messageId"]) for each in told.first] == [
        ("agent_thought_chunk", "m"),
        ("agent_message_chunk", "m"),
        ("agent_message_chunk", "m.2"),
    ]
    again = Told(replays=True).feed(wire.thinking("m", "hm"), wire.text("m", "one"), wire.text("m", "two"))
    assert again.first == told.first


def test_a_sub_agent_is_told_by_its_tools_alone(wire: Make, told: Told) -> None:
    told.feed(
        wire.text("m", "inner", parent_tool_use_id="task"),
        wire.delta("m", "inner", parent_tool_use_id="task"),
        wire.use("t", "Bash", {"command": "ls"}, parent_tool_use_id="task"),
    )
    [opened] = told.first
    assert opened["_meta"] == {"agentSdk": {"parentToolCallId": "task"}}


def test_a_command_streams_its_output(wire: Make, told: Told) -> None:
    told.feed(
        wire.use("t", "Bash", {"command": "make", "cwd": "/project/sub"}),
        wire.progress("t", "one\n"),
        wire.progress("t", "two\n"),
        wire.done("t", "one\ntwo\n", exitCode=0),
    )
    opened, first, second, shown, ended = told.first
    assert (opened["sessionUpdate"], opened["title"], opened["kind"]) == ("tool_call", "make", "execute")
    assert first["content"][0]["content"]["text"] == "```\none\n\n```"
    assert "one\ntwo" in second["content"][0]["content"]["text"]
    assert "one\ntwo" in shown["content"][0]["content"]["text"]
    assert (ended["status"], ended["rawOutput"]["exitCode"]) == ("completed", 0)
    kinds = [each["sessionUpdate"] for each in told.second]
    assert kinds.count("terminal_output_chunk") == 2
    assert [each for each in told.second if each["sessionUpdate"] == "terminal_update"][-1]["exitStatus"] == {
        "exitCode": 0
    }


def test_a_client_with_terminals_gets_output_once(wire: Make) -> None:
    told = Told(first={"_meta": {"terminal_output": True}})
    told.feed(wire.use("t", "Bash", {"command": "make"}), wire.progress("t", "one\n"))
    told.feed(wire.done("t", "one\ntwo", exitCode=3, error=True))
    opened, *rest = told.first
    assert opened["_meta"]["terminal_info"] == {"terminal_id": "t", "cwd": "/project"}
    data = "".join(
        each["_meta"]["terminal_output"]["data"] for each in rest if "terminal_output" in each.get("_meta", {})
    )
    assert data.split() == ["one", "two"]
    exits = [each["_meta"]["terminal_exit"]["exit_code"] for each in rest if "terminal_exit" in each.get("_meta", {})]
    assert exits == [3]
    assert rest[-1]["status"] == "failed"


def test_edits_are_diffs(wire: Make, told: Told) -> None:
    patch = [{"oldStart": 7, "newStart": 7, "lines": [" before", "-old", "+new"]}]
    told.feed(wire.use("t", "Edit", {"file_path": "a.py", "old_string": "old", "new_string": "new"}))
    told.feed(wire.done("t", "ok", structuredPatch=patch))
    opened, ended = told.first
    assert opened["content"] == [{"type": "diff", "path": "/project/a.py", "oldText": "old", "newText": "new"}]
    assert opened["locations"] == [{"path": "/project/a.py"}]
    assert ended["content"] == [
        {"type": "diff", "path": "/project/a.py", "oldText": "before\nold", "newText": "before\nnew"}
    ]
    text = told.second[-1]["content"][0]["patch"]["text"]
    assert "@@ -7,2 +7,2 @@" in text
    assert "diff --git a/project/a.py b/project/a.py" in text


@pytest.mark.parametrize(
    ("name", "given", "details", "operation", "first"),
    [
        ("Write", {"content": "x\n"}, {}, "add", (None, "x\n")),
        ("Write", {"content": "x"}, {"originalFile": "y"}, "modify", ("y", "x")),
        ("MultiEdit", {"edits": [{"old_string": "a", "new_string": "b"}]}, {}, "modify", ("a", "b")),
        ("Delete", {}, {"content": "gone\n"}, "delete", ("gone\n", "")),
        ("Edit", {"old_string": "a", "new_string": "b", "new_path": "/project/c"}, {}, "move", ("a", "b")),
    ],
)
def test_every_change_of_a_file(
    wire: Make, told: Told, name: str, given: Update, details: Update, operation: str, first: tuple[str | None, str]
) -> None:
    block = {"type": "tool_result", "tool_use_id": "t", "content": "ok"}
    done = wire.make("user", message={"role": "user", "content": [block]}, tool_use_result=details)
    told.feed(wire.use("t", name, {"file_path": "/project/a", **given}), done)
    [shown] = told.first[-1]["content"]
    assert (shown["oldText"], shown["newText"]) == first
    [change] = told.second[-1]["content"][0]["changes"]
    assert change["operation"] == operation
    assert change.get("oldPath") == ("/project/a" if operation == "move" else None)


def test_a_pure_move_has_places_and_no_diff(wire: Make, told: Told) -> None:
    told.feed(wire.use("t", "Move", {"file_path": "/project/a", "new_path": "/project/b"}), wire.done("t", "ok"))
    assert "content" not in told.first[0]
    assert [place["path"] for place in told.first[0]["locations"]] == ["/project/a", "/project/b"]
    assert "rename to project/b" in told.second[-1]["content"][0]["patch"]["text"]


def test_a_refused_call_failed_and_in_the_second_version_was_cancelled(wire: Make, told: Told) -> None:
    told.feed(
        wire.use("t", "Bash", {"command": "ls"}),
        wire.system("request_opened", request_id="r", kind="permission", request={"tool_use_id": "t"}),
        wire.system("request_resolved", request_id="r", kind="permission", outcome="denied", by="answer"),
        wire.done("t", "Nobody allowed it.", error=True),
    )
    assert told.first[-1]["status"] == "failed"
    assert told.second[-1]["status"] == "cancelled"


def test_results_are_shown_as_what_they_are(wire: Make, told: Told) -> None:
    picture = {"type": "image", "source": {"type": "base64", "data": "aGk=", "media_type": "image/png"}}
    told.feed(wire.use("t", "mcp__s__draw", {"x": 1}))
    told.feed(wire.done("t", [{"type": "text", "text": "**see**"}, picture]))
    text, image = told.first[-1]["content"]
    assert text["content"]["text"] == "**see**"
    assert image["content"]["type"] == "image"
    told.feed(wire.use("r", "Read", {"file_path": "/project/a", "offset": 3}), wire.done("r", "a ``` b"))
    assert told.first[-2]["locations"] == [{"path": "/project/a", "line": 3}]
    assert told.first[-1]["content"][0]["content"]["text"] == "````\na ``` b\n````"


def test_plans_are_one_plan_however_they_are_kept(wire: Make, told: Told) -> None:
    told.feed(
        wire.use("t", "TodoWrite", {"todos": [{"content": "one", "status": "in_progress"}]}),
        wire.done("t", "ok"),
    )
    assert [each["sessionUpdate"] for each in told.first] == ["plan"]
    assert told.first[0]["entries"] == [{"content": "one", "priority": "medium", "status": "in_progress"}]
    tasks = Told().feed(
        wire.use("c", "TaskCreate", {"subject": "look"}),
        wire.done("c", "Task #1 created", task={"id": "1", "subject": "look"}),
        wire.use("u", "TaskUpdate", {"taskId": "1", "status": "completed"}),
        wire.done("u", "ok"),
        wire.use("d", "TaskUpdate", {"taskId": "1", "status": "deleted"}),
        wire.done("d", "ok"),
    )
    assert [[entry["status"] for entry in each["entries"]] for each in tasks.first] == [["pending"], ["completed"], []]


def test_usage_cost_and_title_are_told_when_they_change(wire: Make, told: Told) -> None:
    usage = {"input_tokens": 1, "output_tokens": 2}
    used = wire.system("usage", usage=usage, context_tokens=30, context_window=100)
    told.feed(used, used, wire.result(total_cost_usd=0.5), wire.result(total_cost_usd=0.5))
    assert [each.get("cost") for each in told.first] == [None, {"amount": 0.5, "currency": "USD"}]
    told.feed(wire.system("session_title_changed", title="A title"))
    assert told.first[-1] == {"sessionUpdate": "session_info_update", "title": "A title"}
    assert usage_of(Usage(input_tokens=1, output_tokens=2, cache_read_input_tokens=3)) == {
        "totalTokens": 6,
        "inputTokens": 1,
        "outputTokens": 2,
        "cachedReadTokens": 3,
    }
    assert usage_of(None) is None


def test_how_full_the_context_is_follows_from_the_last_answer_where_the_agent_does_not_say(
    wire: Make, told: Told
) -> None:
    message: Update = {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 5, "output_tokens": 2}}
    told.feed(wire.make("assistant", message=message))
    told.feed(wire.result(modelUsage={"a": {"contextWindow": 200}, "b": {}}, total_cost_usd=0.1))
    [usage] = told.first
    assert (usage["used"], usage["size"], usage["cost"]["amount"]) == (7, 200, 0.1)


def test_notices_are_thoughts_where_there_are_none(wire: Make, told: Told) -> None:
    notices = (
        wire.system("informational", content="Look out", level="warning"),
        wire.system("informational", content="By the way", level="info"),
        wire.system("api_retry", error="overloaded"),
    )
    told.feed(*notices)
    assert told.said("agent_thought_chunk") == "Look out\n\n"
    assert [each["severity"] for each in told.second] == ["warning", "info"]
    able = Told(first={"session": {"notices": {}, "compaction": {}}}).feed(*notices)
    assert [each["sessionUpdate"] for each in able.first] == ["notice", "notice"]


def test_compaction_begins_and_ends(wire: Make) -> None:
    told = Told(first={"session": {"compaction": {}}})
    told.feed(wire.system("status", status="compacting"), wire.system("compact_boundary"))
    assert [(each["compactionId"], each["status"]) for each in told.first] == [
        ("compaction 1", "in_progress"),
        ("compaction 1", "completed"),
    ]
    assert Told().feed(wire.system("compact_boundary")).first == []


def test_a_replayed_turn_that_failed_says_so(wire: Make) -> None:
    told = Told(replays=True)
    told.feed(wire.prompt("Hi"), wire.result(subtype="error_during_execution", errors=["It broke."]))
    assert told.said("user_message_chunk") == "Hi"
    assert "It broke." in told.said("agent_thought_chunk")


def test_messages_that_nobody_knows_are_passed_over(wire: Make, told: Told) -> None:
    told.feed(
        wire.make("tomorrow", a=1),
        wire.system("tomorrow"),
        wire.done("never opened", "x"),
        wire.progress("never opened", "x"),
        wire.assistant("m", {"type": "hologram"}),
        wire.make("stream_event", event={"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}}),
    )
    assert told.first == []


# Prompts


def test_prompts_keep_order_links_and_what_is_attached() -> None:
    prompt = prompt_of(
        [
            {"type": "text", "text": "Look at "},
            {"type": "resource_link", "uri": "file:///project/a%20b.py", "name": "a b.py"},
            {"type": "text", "text": " and "},
            {"type": "resource", "resource": {"uri": "zed://x/y.txt", "text": "the text"}},
            {"type": "resource", "resource": {"uri": "file:///p.png", "blob": "aGk=", "mimeType": "image/png"}},
            {"type": "resource", "resource": {"uri": "file:///t.txt", "blob": "aGk="}},
            {"type": "image", "mimeType": "image/png", "data": "aGk="},
        ]
    )
    assert prompt.text.startswith("Look at @/project/a b.py and [@y.txt](zed://x/y.txt)")
    assert '<context ref="zed://x/y.txt">\nthe text\n</context>' in prompt.text
    assert '<context ref="file:///t.txt">\nhi\n</context>' in prompt.text
    assert prompt.images == (("image/png", b"hi"), ("image/png", b"hi"))


@pytest.mark.parametrize(
    "blocks",
    [
        None,
        [],
        "text",
        [1],
        [{"type": "text"}],
        [{"type": "text", "text": " "}],
        [{"type": "audio", "data": "x", "mimeType": "audio/wav"}],
        [{"type": "image", "data": "x", "mimeType": "image/png"}],
        [{"type": "image", "data": "aGk=", "mimeType": "image/tiff"}],
        [{"type": "resource", "resource": {"uri": "x", "blob": "/w=="}}],
        [{"type": "resource", "resource": {"text": "x"}}],
        [{"type": "hologram"}],
    ],
)
def test_what_is_no_prompt_is_refused(blocks: object) -> None:
    with pytest.raises(InvalidRequestError):
        prompt_of(blocks)


# Asking


def test_options_have_our_exact_answers_and_a_refusal_is_always_among_them() -> None:
    lasting = PermissionOption("always", "Always", Allow(scope="always"), "in the project")
    never = PermissionOption("never", "Never", Deny(option="never"), "in the project")
    request = PermissionRequest("Bash", {"command": "ls"}, options=(lasting, never), escalates=frozenset({"sandbox"}))
    [asking] = asks(request, Forms())
    options = asking.params["options"]
    assert [option["kind"] for option in options] == ["allow_always", "reject_always", "reject_once"]
    assert options[0]["_meta"]["agentSdk"]["answer"] == lasting.answer.to_wire()
    assert "in the project" in options[0]["name"]
    for version in (1, 2):
        params = {"sessionId": "s", **dialect_for(version, {}).permission(asking.params)}
        validator(version, "RequestPermissionRequest").validate(params)
    selected = {"outcome": {"outcome": "selected", "optionId": "always"}}
    assert answer_of(request, [asking], [selected]) == lasting.answer
    assert answer_of(request, [asking], []) == Deny("Nobody allowed it.")


def test_an_edit_is_asked_with_its_diff() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n same\n-old\n+new\n"
    request = PermissionRequest("Edit", {"file_path": "x.py"}, cwd="/project", diff=diff, tool_use_id="t")
    [asking] = asks(request, Forms())
    params: Update = {"sessionId": "s", **dialect_for(1, {}).permission(asking.params)}
    validator(1, "RequestPermissionRequest").validate(params)
    assert params["toolCall"]["toolCallId"] == "t"
    [shown] = [each for each in params["toolCall"]["content"] if each["type"] == "diff"]
    assert (shown["path"], shown["oldText"], shown["newText"]) == ("/project/x.py", "same\nold", "same\nnew")


QUESTIONS = QuestionRequest(
    (
        Question("Which?", "a", "Colour", (Choice("Red", "warm"), Choice("Blue")), allow_other=True),
        Question("Which ones?", "b", choices=(Choice("x"), Choice("y")), multi_select=True),
        Question("Why?", "c"),
    ),
    session_id="s",
)


def test_questions_are_a_form() -> None:
    [asking] = asks(QUESTIONS, Forms(form=True))
    for version in (1, 2):
        validator(version, "CreateElicitationRequest").validate({"sessionId": "s", **asking.params})
    content = {"question_0": "Red", "question_0_other": "Green", "question_1": ["x", "y"], "question_2": "so"}
    given = answer_of(QUESTIONS, [asking], [{"action": "accept", "content": content}])
    assert given == Answers({"a": "Green", "b": ("x", "y"), "c": "so"})
    for declined in ({"action": "decline"}, {"action": "cancel"}, {}, None, {"action": "accept", "content": 3}):
        assert answer_of(QUESTIONS, [asking], [declined]) == Answers({})


def test_questions_without_forms_are_options_one_after_the_other() -> None:
    askings = asks(QUESTIONS, Forms())
    assert [each.method for each in askings] == ["session/request_permission"] * 3
    assert [option["optionId"] for option in askings[2].params["options"]] == ["skip"]
    pair = QuestionRequest(QUESTIONS.questions[:2], session_id="s")
    pick = {"outcome": {"outcome": "selected", "optionId": "choice_1"}}
    assert answer_of(pair, askings[:2], [pick, pick]) == Answers({"a": "Blue", "b": "y"})
    assert answer_of(pair, askings[:2], [pick, {"outcome": {"outcome": "cancelled"}}]) == Answers({})


def test_what_is_secret_is_not_asked() -> None:
    request = QuestionRequest((Question("Password?", secret=True),), session_id="s")
    assert asks(request, Forms(form=True)) == []
    assert answer_of(request, [], []) == Answers({})


def test_forms_and_links_of_servers() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    form = ElicitationRequest("How many?", "shop", schema=schema)
    [asking] = asks(form, Forms(form=True))
    validator(1, "CreateElicitationRequest").validate({"sessionId": "s", **asking.params})
    accepted = answer_of(form, [asking], [{"action": "accept", "content": {"n": 3}}])
    assert accepted == ElicitationAnswer("accept", {"n": 3})
    assert answer_of(form, [asking], [{"action": "cancel"}]) == ElicitationAnswer("cancel")
    assert answer_of(form, [asking], [{}]) == ElicitationAnswer("decline")
    assert asks(form, Forms()) == [], "content that nobody can type is declined"
    assert answer_of(form, [], []) == ElicitationAnswer("decline")
    link = ElicitationRequest("Log in", "shop", "url", url="http://127.0.0.1/x")
    [visit] = asks(link, Forms(url=True))
    validator(1, "CreateElicitationRequest").validate({"sessionId": "s", **visit.params})
    assert answer_of(link, [visit], [{"action": "accept"}]) == ElicitationAnswer("accept")
    [confirm] = asks(link, Forms())
    assert "http://127.0.0.1/x" in str(confirm.params)
    done = {"outcome": {"outcome": "selected", "optionId": "done"}}
    assert answer_of(link, [confirm], [done]) == ElicitationAnswer("accept", {})
    assert answer_of(link, [confirm], [{}]) == ElicitationAnswer("decline")
    [plain] = asks(ElicitationRequest("Go on?", "shop", schema={"type": "object", "properties": {}}), Forms())
    assert plain.method == "session/request_permission"


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ({"action": "accept", "content": {"decision": "allow"}}, Allow()),
        ({"action": "accept", "content": {"decision": "deny", "feedback": "not so"}}, Deny("not so")),
        ({"action": "accept", "content": {"decision": "?"}}, Deny("The client chose an option that there is not.")),
        ({"action": "decline"}, Deny("The plan was not approved.")),
        ({"action": "cancel"}, Deny("The plan was not approved.", interrupt=True)),
    ],
)
def test_a_plan_is_decided_in_a_form(result: Update, answer: object) -> None:
    request = PermissionRequest("ExitPlanMode", {"plan": "# Plan"}, tool_use_id="t")
    [asking] = asks(request, Forms(form=True))
    validator(1, "CreateElicitationRequest").validate({"sessionId": "s", **asking.params})
    assert answer_of(request, [asking], [result]) == answer


# Settings


def test_settings_follow_what_the_agent_can_and_confirmed() -> None:
    models = (
        ChatModel("a", "Model A", "x", is_default=True, efforts=("low", "high"), default_effort="low"),
        ChatModel("b", "Model B", "x", "small"),
    )
    can = BackendCapabilities(permission_modes=("default", "plan", "bypass"))
    meta = ChatMeta("1")
    told = {each["configId"]: each for each in config_options(meta, None, can, models, None)}
    assert {name: each["currentValue"] for name, each in told.items()} == {
        "mode": "default",
        "model": "a",
        "effort": "low",
        "sandbox": "default",
    }
    assert [each["value"] for each in told["mode"]["options"]] == ["default", "plan"]
    info = SessionInfo(model="b", permission_mode="plan")
    told = {each["configId"]: each for each in config_options(ChatMeta("1", model="c"), info, can, models, "bypass")}
    assert told["mode"]["currentValue"] == "plan"
    assert [each["value"] for each in told["model"]["options"]] == ["a", "b", "c"]
    assert "effort" not in told
    assert [mode["id"] for mode in modes(meta, None, can, "bypass")["availableModes"]] == ["default", "plan", "bypass"]
    fixed = BackendCapabilities(unsupported_options=frozenset({"sandbox"}))
    options = config_options(meta, None, fixed, (), "auto")
    assert [each["configId"] for each in options] == ["mode"]
    assert checked_choice(options, "mode", "auto") == "auto"
    for name, value in (("mode", "x"), ("nothing", "auto"), (None, None)):
        with pytest.raises(InvalidRequestError):
            checked_choice(options, name, value)


def test_commands_are_offered_with_compacting_where_the_agent_has_none() -> None:
    commands = [
        AgentCommand("review", "Look at it", argument_hint="[what]"),
        AgentCommand("skill", kind="skill"),
        AgentCommand("has spaces"),
    ]
    review, compact = commands_of(commands, compacts=True)
    assert review["input"] == {"type": "text", "hint": "[what]"}
    assert compact["name"] == "compact"
    assert commands_of([AgentCommand("compact")], compacts=True) == commands_of(
        [AgentCommand("compact")], compacts=False
    )
    assert wants_compaction([{"type": "text", "text": " /compact "}])
    assert not wants_compaction([{"type": "text", "text": "/compact now"}])
    assert not wants_compaction("/compact")


@pytest.mark.parametrize(
    "params",
    [
        {"additionalDirectories": ["relative"]},
        {"mcpServers": [{"name": "x", "command": "y", "env": [{"name": 1}]}]},
        {"mcpServers": [{"name": "x", "type": "http", "url": "http://a", "headers": [3]}]},
    ],
)
def test_what_cannot_be_brought_is_refused(params: Update) -> None:
    with pytest.raises(InvalidRequestError):
        session_extra(params)


def test_a_system_prompt_is_added_or_replaces() -> None:
    content = [{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]
    assert session_extra({"systemPrompt": {"mode": "override", "content": content}}) == {"system_prompt": "one\ntwo"}
    assert session_extra({"systemPrompt": {"mode": "append", "content": content}}) == {
        "append_system_prompt": "one\ntwo"
    }


# Ends


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "end_turn"),
        ({"stop_reason": "refusal"}, "refusal"),
        ({"subtype": "error_during_execution", "terminal_reason": "aborted_streaming"}, "cancelled"),
        ({"terminal_reason": "cancelled"}, "cancelled"),
        ({"subtype": "error_max_turns"}, "max_turn_requests"),
        ({"subtype": "error_max_tokens"}, "max_tokens"),
    ],
)
def test_every_end_has_a_reason_of_the_protocol(wire: Make, fields: Update, reason: str) -> None:
    assert stop_reason(wire.result(**fields)) == reason


def test_what_nobody_foresaw_shows_its_class_alone() -> None:
    assert refusal_of(ValueError("secret")).message == "Unexpected ValueError."
    assert refusal_of(AgentError("It broke.", code="x")).data == {"code": "x", "retryable": False}
