from __future__ import annotations

import anyio
import pytest
from tests.codex.driving import Codex, backend_of

from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.watching import run

pytestmark = pytest.mark.anyio


async def test_three_hundred_requests_at_once_are_all_answered_and_the_turn_goes_on(codex: Codex) -> None:
    gate = Gate()
    codex.model.reply(text("Still", gate, " here.")).reply(text("On."))
    async with codex.session() as session:
        backend, answers = backend_of(session), list[object]()

        async def ask() -> None:
            answers.append(await backend.request("model/list", {}))

        async with session.query("Talk.") as turn:
            await gate.reached()
            async with anyio.create_task_group() as tasks:
                for _ in range(300):
                    tasks.start_soon(ask)
            gate.open()
            assert (await turn.wait()).result == "Still here."
        assert len(answers) == 300
        assert len({str(answer) for answer in answers}) == 1
        assert (await run(session, "Go on.")).result.result == "On."
