"""What a Codex session may cost: by the prices of its backend, and by nobody's guess."""

from __future__ import annotations

import pytest
from tests.codex.driving import Codex

from agent_sdk_core import ModelPrice, PolicyGuard, PolicyLimits, UnsupportedOptionError
from agent_sdk_testing import Tokens, text
from agent_sdk_testing.contract.watching import Asker, run

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

DEAR = ModelPrice(input=10.0, cached_input=1.0, output=100.0)
LIMITED = [{"max_budget_usd": 0.01}, {"policy": PolicyGuard(limits=PolicyLimits(cost_usd=0.01))}]


@pytest.mark.parametrize("limited", LIMITED, ids=["max_budget_usd", "policy"])
async def test_a_session_that_costs_too_much_hits_its_limit(codex: Codex, limited: dict[str, object]) -> None:
    spend = codex.command("echo again", escalate=True)
    codex.model.otherwise(spend, usage=Tokens(input=1_000, output=10))
    options = {"permission_mode": "default", "can_use_tool": Asker(), **limited}
    async with codex.backend(prices={"gpt-5.5": DEAR}) as backend, await codex.open(backend, **options) as session:
        ran = await run(session, "Spend.")
        assert (ran.result.subtype, ran.result.outcome) == ("error_max_budget_usd", "limit")
        assert ran.result.terminal_reason == "budget_exhausted"
        # A call of the model that had begun when the limit was reached is cut off, and counts where it was answered.
        assert ran.result.total_cost_usd in (pytest.approx(0.011), pytest.approx(0.022))
        assert (await session.run("Spend more.")).subtype == "error_max_budget_usd"
    # What was cut off may reach the model's server after the turn's end, so it is no number that tells.
    assert not any("Spend more." in request.text for request in codex.model.requests)


async def test_a_model_without_a_price_spends_nothing_unseen(codex: Codex) -> None:
    codex.model.otherwise(text("Hello."))
    async with codex.backend(prices={"another": DEAR}) as backend:
        session = await codex.open(backend, max_budget_usd=1)
        assert (await run(session, "Hi.")).result.outcome == "completed"
        result = await session.run("Hi.")
    assert result.outcome == "limit"
    assert result.errors == ["The session's cost is limited, and nobody tells what its model costs."]


@pytest.mark.parametrize(
    ("option", "limited"),
    [
        ("max_budget_usd", {"max_budget_usd": 1}),
        ("policy", {"policy": PolicyGuard(limits=PolicyLimits(cost_usd_per_minute=1))}),
    ],
)
async def test_without_prices_a_limit_of_the_cost_is_refused(
    codex: Codex, option: str, limited: dict[str, object]
) -> None:
    with pytest.raises(
        UnsupportedOptionError, match=f"SessionOptions.{option} could not be kept; pass the prices"
    ) as no:
        async with codex.session(**limited):
            pass
    assert no.value.details["option"] == option
