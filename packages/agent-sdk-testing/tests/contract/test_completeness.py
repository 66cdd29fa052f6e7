"""Nothing that a backend declares, and no option of a session, is left without a case."""

from __future__ import annotations

from agent_sdk_testing.contract.cases.test_capabilities import PROOFS
from agent_sdk_testing.contract.cases.test_options import VALUES
from agent_sdk_testing.contract.traits import CAPABILITIES, OPTIONS


def test_every_capability_has_a_proof() -> None:
    apart = {
        "goals",
        "hooks",
        "login_methods",
        "permission_modes",
        "policy_scope",
        "turn_options",
        "unsupported_options",
    }
    assert {*PROOFS, *apart} == set(CAPABILITIES)


def test_every_option_has_a_value_to_be_refused() -> None:
    assert set(VALUES) == set(OPTIONS)
