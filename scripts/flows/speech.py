"""Scenarios of what the model says, and of what comes between: steering, interrupts, retries, failures."""

from __future__ import annotations

from typing import Final

import anyio

from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.prompts import ImageInput, MentionInput, TextInput
from agent_sdk_testing import (
    Gate,
    Tokens,
    call,
    disconnect,
    failed,
    http_error,
    incomplete,
    reasoning,
    stall,
    text,
)
from flows.stage import Stage, scenario

PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
    "rkJggg=="
)
_FINDINGS: Final = (
    '{"findings": [], "overall_correctness": "patch is correct", "overall_explanation": "Fine.", '
    '"overall_confidence_score": 1}'
)


@scenario()
async def plain_text(stage: Stage) -> None:
    stage.model.reply(text("Hel", "lo ", "wörld"), usage=Tokens(input=100, cached=30, output=20))
    stage.model.reply(text("Again."), usage=Tokens(input=200, cached=100, output=10))
    await stage.say("hi")
    await stage.say("and again")


@scenario(home={"show_raw_agent_reasoning": True})
async def thinking(stage: Stage) -> None:
    stage.model.reply(
        reasoning("**Plan** ", "it", raw="raw thoughts"),
        reasoning("second part"),
        text("Looking.", phase="commentary"),
        text("The ", "answer.", phase="final_answer"),
        usage=Tokens(input=100, output=50, reasoning=30),
    )
    await stage.say("think")


@scenario()
async def steered(stage: Stage) -> None:
    stage.model.reply(text("first ", "half"), stall())
    stage.model.reply(text("after steering"))
    async with stage.session.query("go") as turn:
        await stage.seen(lambda message: message.type == "stream_event" and "half" in message.to_json())
        await stage.session.send("another way", priority="steer")
        await turn.wait()


@scenario()
async def interrupted_text(stage: Stage) -> None:
    stage.model.reply(text("part", "ial"), stall())
    stage.model.reply(text("again"))
    async with stage.session.query("hi") as turn:
        await stage.seen(lambda message: message.type == "stream_event" and '"ial"' in message.to_json())
        await turn.interrupt()
    await stage.say("more")


@scenario(home={"provider": {"stream_max_retries": 2}})
async def stream_retried(stage: Stage) -> None:
    stage.model.reply(text("try one"), disconnect())
    stage.model.reply(reasoning("Hm."), text("try two"), disconnect())
    stage.model.reply(text("third"))
    await stage.say("hi")


@scenario(home={"provider": {"stream_max_retries": 1}})
async def retries_exhausted(stage: Stage) -> None:
    stage.model.reply(text("try one"), disconnect())
    stage.model.reply(text("try two"), disconnect())
    await stage.say("hi")


@scenario(home={"provider": {"stream_idle_timeout_ms": 500, "stream_max_retries": 0}})
async def idle_timeout(stage: Stage) -> None:
    stage.model.reply(text("silence"), stall())
    await stage.say("hi")


@scenario()
async def http_errors(stage: Stage) -> None:
    stage.model.reply(http_error(400, "bad thing"))
    stage.model.reply(http_error(401, "who are you"))
    stage.model.reply(http_error(500, "oops"))
    stage.model.reply(http_error(429, "You are out.", kind="usage_limit_reached", resets_in_seconds=60))
    stage.model.reply(http_error(429, "slow down"))
    for number in range(5):
        await stage.say(f"try {number}")


@scenario()
async def failed_responses(stage: Stage) -> None:
    stage.model.reply(failed("server_is_overloaded"))
    stage.model.reply(text("Half a sen"), incomplete("max_output_tokens"))
    stage.model.reply(failed("context_length_exceeded"))
    stage.model.reply(text("the summary"))  # after that, the next turn begins with a compaction
    stage.model.reply(text("Fine now."))
    for number in range(4):
        await stage.say(f"try {number}")


@scenario(home={"tools": {"update_plan": {"enabled": True}}})
async def checklist(stage: Stage) -> None:
    for status in ("in_progress", "completed"):
        steps = [{"step": "one", "status": status}, {"step": "two", "status": "pending"}]
        stage.model.reply(call("update_plan", plan=steps))
    stage.model.reply(text("ok"))
    await stage.say("hi")


@scenario(permission_mode="plan")
async def plan_item(stage: Stage) -> None:
    stage.model.reply(text("Here:\n", "<proposed_plan>\n", '- one "q"\n', "- two\n", "</proposed_plan>\n", "bye"))
    await stage.say("plan it")


@scenario()
async def compacted(stage: Stage) -> None:
    stage.model.reply(text("a"), usage=Tokens(input=5_000, output=10))
    stage.model.reply(text("the summary"))
    stage.model.reply(text("b"))
    await stage.say("hi")
    await stage.backend.request("thread/compact/start", {"threadId": stage.session.thread_id})
    await stage.seen(lambda message: isinstance(message, ResultMessage) and not message.user_message_uuids)
    await stage.say("more")


@scenario()
async def compacted_automatically(stage: Stage) -> None:
    stage.model.reply(text("a"), usage=Tokens(input=300_000, output=10))
    stage.model.reply(text("the summary"), usage=Tokens(input=300_020, output=100))
    stage.model.reply(text("b"), usage=Tokens(input=120, output=5))
    await stage.say("hi")
    await stage.say("more")


@scenario()
async def reviewed(stage: Stage) -> None:
    stage.model.reply(text(_FINDINGS))
    target = {"type": "custom", "instructions": "look"}
    params = {"threadId": stage.session.thread_id, "target": target, "delivery": "inline"}
    await stage.backend.request("review/start", params)
    await stage.seen(lambda message: message.type == "result")


@scenario()
async def image_in(stage: Stage) -> None:
    stage.model.reply(text("A pixel."))
    await stage.say([TextInput("look"), ImageInput(url=PIXEL), MentionInput(name="notes", path="/notes.md")])


@scenario(
    permission_mode="bypass",
    output_schema={
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    },
)
async def structured_output(stage: Stage) -> None:
    stage.model.reply(text('{"answer"', ": 42}"))
    await stage.say("how many?")


@scenario()
async def settings_changed(stage: Stage) -> None:
    stage.model.reply(text("a"))
    stage.model.reply(text("b"))
    await stage.say("hi")
    await stage.session.set_permission_mode("accept_edits")
    await stage.session.set_reasoning_effort("low")
    await stage.say("more")


@scenario()
async def rate_limits(stage: Stage) -> None:
    stage.model.reply(text("a"), headers={"x-codex-primary-used-percent": "42"})
    await stage.say("hi")


@scenario()
async def model_rerouted(stage: Stage) -> None:
    stage.model.reply(text("a"), headers={"openai-model": "gpt-other"})
    await stage.say("hi")


@scenario()
async def closed_in_mid_sentence(stage: Stage) -> None:
    gate = Gate()
    stage.model.reply(text("half a sen", gate, "tence"))
    await stage.session.send("hi")
    await stage.seen(lambda message: message.type == "stream_event" and "half" in message.to_json())
    await stage.session.aclose()
    gate.open()
    await anyio.lowlevel.checkpoint()
