from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.codex.driving import Codex

from agent_sdk_core.telemetry import spans
from agent_sdk_core.telemetry.spans import Span
from agent_sdk_testing import text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


class Tracing:
    """Names the span that a process is started in."""

    content = False

    def begin(self, span: Span) -> None: ...

    def end(self, span: Span) -> None: ...

    def carrier(self, span: Span) -> Mapping[str, str]:
        return {"TRACEPARENT": f"00-{'a' * 32}-{'b' * 16}-01", "TRACESTATE": f"kind={span.kind}"}


async def test_codex_and_what_it_runs_belong_to_the_trace_of_its_backend(codex: Codex) -> None:
    leave = spans.observe(Tracing())
    try:
        codex.model.reply(codex.command("echo ${TRACESTATE#kind=} $(echo $TRACEPARENT | cut -d- -f3)")).reply(
            text("Done.")
        )
        async with codex.session(permission_mode="bypass") as session:
            ran = await run(session, "Which trace is it?")
    finally:
        leave()
    [use] = ran.uses
    assert ran.result_of(use).text.split() == ["backend", "b" * 16]
