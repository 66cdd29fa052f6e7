"""What a session keeps of the updates that come with answers, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from agent_sdk_core.asking.approvals import ALLOW, DENY, Offers
from agent_sdk_core.asking.permissions import Allow, Deny, PermissionOption, PermissionRequest
from agent_sdk_core.asking.requests import Ask
from agent_sdk_core.asking.updates import PermissionUpdate
from agent_sdk_core.errors import InvalidRequestError, UnsupportedOptionError
from agent_sdk_core.messages.system import RequestResolved
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.policy.guard import PolicyGuard
from agent_sdk_core.runtime.asking.policing import Police
from agent_sdk_core.runtime.asking.updates import rules_of

pytestmark = pytest.mark.anyio

ALWAYS = PermissionUpdate("add_rules", ["Bash(git push *) +sandbox"], "allow", destination="user")
OFFERS = Offers(
    [
        (ALLOW, "once"),
        (PermissionOption("always", "Always", Allow("always", option="always"), "in a file", (ALWAYS,)), "kept"),
        (DENY, "no"),
    ]
)


def update(*rules: str, behavior: Any = "allow", kind: Any = "add_rules") -> PermissionUpdate:
    return PermissionUpdate(kind, rules, behavior)


def asked(command: str, *escalates: Any) -> Ask[PermissionRequest]:
    request = PermissionRequest("Bash", {"command": command}, options=OFFERS.options, escalates=frozenset(escalates))
    return Ask(request, lambda answer: {"told": OFFERS.chosen(answer)[2]})


async def session_of(backend: Any, answers: list[Any], **options: Any) -> Any:
    async def answer(request: PermissionRequest) -> Any:
        return answers.pop(0)

    return await backend.create_session(SessionOptions(can_use_tool=answer, **options))


async def test_the_strictest_of_policy_and_added_rules_holds() -> None:
    police = Police(PolicyGuard(deny=["Bash(rm *)"], ask=["Bash(git *)"], allow=["Bash(ls *)"]), SessionOptions())
    police.added = [
        *rules_of(update("Bash(rm *)", "Bash(git *)", "Bash(make *)")),
        *rules_of(update("Bash(ls -R *)", behavior="deny")),
        *rules_of(update("Bash(make clean *)", behavior="ask")),
    ]
    said = {
        "rm x": ("deny", "Bash(rm *)"),
        "git push": ("ask", "Bash(git *)"),
        "make test": ("allow", "Bash(make *)"),
        "make clean": ("ask", "Bash(make clean *)"),
        "ls": ("allow", "Bash(ls *)"),
        "ls -R": ("deny", "Bash(ls -R *)"),
        "make test && curl x": ("ask", None),
        "curl x": ("ask", None),
    }
    for command, expected in said.items():
        decision = await police.judge("Bash", {"command": command}, "/")
        assert (decision.verdict, decision.rule and decision.rule.text) == expected, command
    lifted = await police.judge("Bash", {"command": "make test"}, "/", {"sandbox"})
    assert lifted.verdict == "ask"


async def test_an_added_rule_answers_what_is_asked_next_until_it_is_replaced(backend: Any) -> None:
    answers: list[Any] = [Allow(updates=[update("Bash(make *)")]), Allow(updates=[update(kind="replace_rules")])]
    with anyio.fail_after(30):
        session = await session_of(backend, answers)
        stream = session.messages()
        assert await session.ask(asked("make test")) == {"told": "once"}
        assert await session.ask(asked("make all")) == {"told": "once"}
        assert len(answers) == 1
        assert await session.ask(asked("ls")) == {"told": "once"}
        answers.append(Deny())
        assert await session.ask(asked("make all")) == {"told": "no"}
        await session.aclose()
        told = [message async for message in stream if isinstance(message, RequestResolved)]
    assert [(one.by, one.rule) for one in told[:2]] == [("callback", None), ("policy", "Bash(make *)")]


async def test_a_rule_that_does_not_lift_what_the_request_lifts_is_told_how_to_be_written(backend: Any) -> None:
    with anyio.fail_after(30):
        session = await session_of(backend, [])
    fitted, request = session.updates.fitted, asked("make", "sandbox", "network").request
    with pytest.raises(InvalidRequestError, match=r"write 'Bash\(make \*\) \+network \+sandbox'"):
        fitted(request, Allow(updates=[update("Bash(make *) +sandbox")]))
    fine = Allow(updates=[update("Bash(make *) +sandbox +network"), update("Read(/etc/**)")])
    assert fitted(request, fine) == fine


async def test_a_refusal_that_would_not_bind_is_no_update(backend: Any) -> None:
    with anyio.fail_after(30):
        session = await session_of(backend, [])
        accepting = await session_of(backend, [], policy_scope="asked_only")
    denial, request = Allow(updates=[update("Bash(rm *)", behavior="deny")]), asked("make").request
    with pytest.raises(UnsupportedOptionError, match=r'SessionOptions\(policy_scope="(every_call|asked_only)"\)'):
        session.updates.fitted(request, denial)
    assert accepting.updates.fitted(request, denial) == denial


async def test_what_is_kept_beyond_the_session_is_an_option_of_the_request(backend: Any) -> None:
    with anyio.fail_after(30):
        session = await session_of(backend, [])
    fitted, request = session.updates.fitted, asked("git push", "sandbox").request
    for rule in ("Bash(git push *) +sandbox", "Bash( git push * )  +sandbox"):
        kept = replace(ALWAYS, rules=(rule,))
        assert fitted(request, Allow(updates=[kept])).option == "always"
    assert fitted(request, Allow(option="always", updates=[ALWAYS])).option == "always"
    with pytest.raises(InvalidRequestError, match="one option"):
        fitted(request, Allow(option="allow", updates=[ALWAYS]))
    with pytest.raises(UnsupportedOptionError, match=r"Bash\(git push \*\) \+sandbox.* alone"):
        fitted(request, Allow(updates=[replace(ALWAYS, rules=("Bash(git *) +sandbox",))]))
    with pytest.raises(UnsupportedOptionError, match="leave the destination out"):
        fitted(PermissionRequest("Bash", {"command": "ls"}), Allow(updates=[ALWAYS]))


async def test_what_nobody_added_is_not_taken_back(backend: Any) -> None:
    with anyio.fail_after(30):
        session = await session_of(backend, [], policy=PolicyGuard(allow=["Bash(ls *)"]))
    with pytest.raises(InvalidRequestError, match=r"No answer added 'Bash\(ls \*\)'"):
        session.updates.fitted(asked("ls").request, Allow(updates=[update("Bash(ls *)", kind="remove_rules")]))


async def test_a_relative_allow_counts_from_a_folder_that_is_known(backend: Any) -> None:
    with anyio.fail_after(30):
        session = await session_of(backend, [])
    session.options = SessionOptions(resume="s")
    with pytest.raises(InvalidRequestError, match="Write an absolute path"):
        session.updates.fitted(asked("ls").request, Allow(updates=[update("Edit(src/**)")]))


async def test_folders_are_changed_where_the_agent_can(backend: Any) -> None:
    with anyio.fail_after(30):
        session = await session_of(backend, [])
    add = Allow(updates=[PermissionUpdate("add_directories", directories=["/"])])
    with pytest.raises(UnsupportedOptionError, match=r"SessionOptions\.add_dirs"):
        session.updates.fitted(asked("ls").request, add)
