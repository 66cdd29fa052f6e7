from __future__ import annotations

from functools import partialmethod
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from agent_fleet import FleetBackend, FleetFullError, FleetStoreError, HostLostError
from agent_fleet.driving.requests import HostRequests
from agent_fleet.errors import FleetError, HostGoneError
from agent_fleet.store.journal import StoreJournal
from agent_sdk_core import (
    DEFER,
    Allow,
    Deny,
    InvalidRequestError,
    PermissionRequest,
    PermissionUpdate,
    PolicyGuard,
    RequestOpened,
    RequestResolved,
    ResultMessage,
    SessionBusyError,
    SessionNotFoundError,
    SessionOptions,
    StreamEvent,
    UnsupportedError,
    UnsupportedOptionError,
)
from agent_sdk_core.asking.approvals import plan_offers
from agent_sdk_core.asking.requests import Envelope
from agent_sdk_testing import Gate, call, deltas, text

pytestmark = pytest.mark.anyio


async def opened(fleet: FleetBackend, tmp_path: Path, **options: Any) -> Any:
    given = {"cwd": tmp_path, "can_use_tool": DEFER, **options}
    return await fleet.create_session(SessionOptions.model_validate(given))


async def test_a_turn_crosses_with_its_request_and_its_usage(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    plane.agents["one"].on("Bash", "hi").reply(call("Bash", command="echo hi")).reply(text("All ", "done."))
    async with await opened(fleet, tmp_path) as session:
        async with session.query("Do it.") as turn:
            async for message in turn:
                if isinstance(message, RequestOpened):
                    with pytest.raises(InvalidRequestError, match="no such option"):
                        await session.answer(message.request_id, Allow(option="nonsense"))
                    await session.answer(message.request_id, Allow())
        assert turn.result is not None
        assert (turn.result.outcome, turn.text) == ("completed", "All done.")
        assert (await session.usage()).total.output_tokens is not None
        assert session.host == "one"
        assert list(session.pending) == []
        [row] = await fleet.store.prompts(session.key)
        assert (row.state, row.generation) == ("ended", 1)
        assert len(await session.history()) > 0


async def test_without_a_callback_nothing_is_allowed(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    plane.agents["one"].reply(call("Bash", command="rm -rf /")).reply(text("Then not."))
    async with await opened(fleet, tmp_path, can_use_tool=None) as session:
        result = await session.query("Do it.")
        assert result.result == "Then not."
        assert result.permission_denials


async def test_the_history_of_a_closed_session_is_what_its_agent_has_stored(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    plane.agents["one"].reply(text("Fine."))
    async with await opened(fleet, tmp_path) as session:
        assert list(await session.history()) == []
        await session.run("Talk.")
        told = [message.to_json() for message in await session.history()]
    assert [message.to_json() for message in await session.history()] == told != []
    async with await opened(fleet, tmp_path) as unused:
        pass
    assert list(await unused.history()) == []


@pytest.mark.parametrize("uuid", ["", " ", "half \ud800", "nul\0"])
async def test_a_uuid_that_cannot_be_told_is_refused_before_it_is_stored(
    fleet: FleetBackend, tmp_path: Path, uuid: str
) -> None:
    async with await opened(fleet, tmp_path) as session:
        with pytest.raises(InvalidRequestError, match="uuid"):
            await session.send("Talk.", uuid=uuid)
        assert await fleet.store.prompts(session.key) == []


@pytest.mark.parametrize("session_id", ["", "half \ud800", "nul\0"])
async def test_an_id_that_no_store_holds_is_not_found(fleet: FleetBackend, session_id: str) -> None:
    with pytest.raises(SessionNotFoundError):
        await fleet.read_history(session_id)
    with pytest.raises(SessionNotFoundError):
        await fleet.rename_session(session_id, "A name")


async def test_what_no_host_can_be_asked_is_refused_here(fleet: FleetBackend) -> None:
    with pytest.raises(InvalidRequestError, match="UTF-8"):
        await fleet.list_sessions(cwd="half \ud800")
    with pytest.raises(InvalidRequestError, match="timeout must be a finite number"):
        await fleet.diagnose(timeout=0)


async def test_what_is_withdrawn_before_it_is_put_to_somebody_is_not_put() -> None:
    begun: list[Any] = []
    withdrawn: list[str] = []

    def withdraw(*, native_id: str) -> None:
        withdrawn.append(native_id)

    def start_soon(*call: Any) -> None:
        begun.append(call)

    requests = SimpleNamespace(withdraw=withdraw)
    host: Any = SimpleNamespace(start_soon=start_soon)
    nobody: Any = SimpleNamespace()
    sink: Any = SimpleNamespace(requests=requests)
    asked = HostRequests(nobody, nobody, host, lambda: sink)
    request = PermissionRequest(tool_name="Bash", input={"command": "ls"}, request_id="1")
    asked.ask({"request": request.to_wire(), "request_kind": "permission"})
    assert asked
    asked.withdraw("1")
    [(put, given)] = begun
    await put(given)
    assert (withdrawn, bool(asked)) == (["1"], False)


@pytest.mark.parametrize("deferred", [False, True])
async def test_an_answer_that_the_agent_cannot_take_is_refused_here(
    fleet: FleetBackend, plane: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deferred: bool
) -> None:
    monkeypatch.setattr(Envelope, "permission", partialmethod(Envelope.permission, changeable=()))
    plane.agents["one"].on("Bash", "hi").reply(call("Bash", command="echo hi")).reply(text("Done."))
    changed = Allow(updated_input={"command": "echo other"})

    async def change(request: PermissionRequest) -> Allow:
        return changed

    resolved: list[RequestResolved] = []
    async with await opened(fleet, tmp_path, can_use_tool=DEFER if deferred else change) as session:
        async with session.query("Do it.") as turn:
            async for message in turn:
                if isinstance(message, RequestOpened) and deferred:
                    with pytest.raises(UnsupportedOptionError, match="cannot run a changed input"):
                        await session.answer(message.request_id, changed)
                    await session.answer(message.request_id, Allow())
                if isinstance(message, RequestResolved):
                    resolved.append(message)
        assert turn.result is not None
        assert bool(turn.result.permission_denials) is not deferred
    assert [message.outcome for message in resolved] == ["allowed" if deferred else "denied"]


async def test_what_a_host_alone_can_refuse_is_refused_before_it_counts(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    plane.agents["one"].on("Bash", "hi").reply(call("Bash", command="echo hi")).reply(text("Done."))
    wrong = Allow(updates=[PermissionUpdate("add_directories", directories=["/no/such/folder"])])
    async with await opened(fleet, tmp_path, can_use_tool=DEFER) as session:
        async with session.query("Do it.") as turn:
            async for message in turn:
                if isinstance(message, RequestOpened):
                    with pytest.raises((InvalidRequestError, UnsupportedOptionError), match="folder"):
                        await session.answer(message.request_id, wrong)
                    assert [each.request_id for each in session.pending] == [message.request_id]
                    await session.answer(message.request_id, Allow())
        assert turn.result is not None
        assert not turn.result.permission_denials


async def test_what_an_answer_changes_is_kept_by_the_host_or_refused_there(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    agent = plane.agents["one"].on("Bash", "hi")
    for command in ("echo one", "echo two", "touch three"):
        agent.reply(call("Bash", command=command))
    agent.reply(text("Done."))
    asked: list[object] = []

    async def answer(request: PermissionRequest) -> Allow:
        asked.append(request.input["command"])
        place: Any = "session" if len(asked) == 1 else "user"
        return Allow(updates=[PermissionUpdate("add_rules", ["Bash(echo *)"], "allow", destination=place)])

    with anyio.fail_after(60):
        async with await opened(fleet, tmp_path, can_use_tool=answer) as session:
            result = await session.run("Do it.")
    assert asked == ["echo one", "touch three"]
    assert len(result.permission_denials) == 1


async def test_a_plan_waits_here_after_its_turn_and_an_interrupt_withdraws_it(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    plane.agents["one"].reply(text("That is it."))
    with anyio.fail_after(60):
        async with await opened(fleet, tmp_path) as session:
            told = session.messages()
            await session.run("Plan.")
            assert session.state == "idle"
            [there] = plane.running["one"].sessions.values()
            envelope = Envelope.of("plan", {}, session_id=there.session.session_id, timeout=None)
            asked = envelope.permission("ExitPlanMode", {"plan": "1. Look"}, options=plan_offers().options)
            there.session.propose_plan(asked)
            while not isinstance(await anext(told), RequestOpened):
                pass
            assert session.state == "requires_action"
            assert not (await session.interrupt()).interrupted
            while not isinstance(message := await anext(told), RequestResolved):
                pass
            assert (message.outcome, session.state, there.session.state) == ("withdrawn", "idle", "idle")


async def test_the_rule_of_a_policy_is_told_here(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    agent = plane.agents["one"].on("Bash", "hi")
    agent.reply(call("Bash", command="echo hi")).reply(call("Bash", command="rm hi")).reply(text("Done."))
    asked: list[PermissionRequest] = []

    async def allow(request: PermissionRequest) -> Allow:
        asked.append(request)
        return Allow()

    policy = PolicyGuard(ask=["Bash(echo *)"], deny=["Bash(rm *)"])
    async with await opened(fleet, tmp_path, can_use_tool=allow, policy=policy, policy_scope="asked_only") as session:
        async with session.query("Do it.") as turn:
            resolved = [message async for message in turn if isinstance(message, RequestResolved)]
        assert turn.result is not None
        assert [denial["rule"] for denial in turn.result.permission_denials] == ["Bash(rm *)"]
    assert [request.rule for request in asked] == ["Bash(echo *)"]
    rules = {(message.outcome, message.by, message.rule) for message in resolved}
    assert rules >= {("allowed", "callback", "Bash(echo *)")}


async def test_an_input_that_an_answer_changed_is_told_here_as_the_policy_has_it(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    plane.agents["one"].on("Bash", "hi").reply(call("Bash", command="echo hi")).reply(text("Done."))

    async def change(request: PermissionRequest) -> Allow:
        return Allow(updated_input={"command": "rm hi"})

    policy = PolicyGuard(deny=["Bash(rm *)"])
    async with await opened(fleet, tmp_path, can_use_tool=change, policy=policy, policy_scope="asked_only") as session:
        async with session.query("Do it.") as turn:
            resolved = [message async for message in turn if isinstance(message, RequestResolved)]
        assert turn.result is not None
        assert [denial["rule"] for denial in turn.result.permission_denials] == ["Bash(rm *)"]
    assert [(message.outcome, message.rule) for message in resolved] == [("denied", "Bash(rm *)")]


async def test_what_a_host_warns_of_is_told_here_once(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    agent = plane.agents["one"]
    events = fleet.events()
    async with await opened(fleet, tmp_path) as first, await opened(fleet, tmp_path) as second:
        agent.emit("log", "Nothing to say.")
        agent.emit("warning", "The disk is full.", {"bytes": 0, "odd": object()})
        agent.emit("rate_limits", "Slower, please.", {"left": 3})
        agent.reply(text("One.")).reply(text("Two."))
        for session in (first, second):
            if session.host == "one":
                await session.query("Hello.")
        told: list[tuple[str, str]] = []
        with anyio.fail_after(60):
            async for event in events:
                if event.kind != "started":
                    told.append((event.kind, event.message))
                if event.kind == "rate_limits":
                    assert event.details == {"left": 3, "host": "one"}
                    break
    assert told == [("warning", "Host one: The disk is full."), ("rate_limits", "Host one: Slower, please.")]


async def test_a_dead_host_ends_what_it_ran_and_the_session_goes_on(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    gate = Gate()
    plane.agents["one"].reply(text("Ready.")).reply(text("Begun"), gate)
    async with await opened(fleet, tmp_path) as session:
        assert (await session.query("First.")).result == "Ready."
        messages = session.messages()
        async with session.query("Second.") as turn:
            async for message in turn:
                if isinstance(message, StreamEvent) and message.text:
                    break
            waiting = await session.send("Third.")
            plane.kill("one")
            plane.agents["one"].reply(text("Third is here."))
            plane.revive("one")
            result = await turn.wait()
        assert result.error is not None
        assert result.error.code == "prompt_interrupted"
        async for message in messages:
            if isinstance(message, ResultMessage) and waiting in message.user_message_uuids:
                assert message.result == "Third is here."
                break
        rows = await fleet.store.prompts(session.key)
        assert [(row.state, row.generation) for row in rows] == [("ended", 1), ("ended", 1), ("ended", 2)]
        gate.open()


async def test_a_host_that_stays_away_is_lost(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    plane.agents["one"].reply(text("Ready."))
    session = await opened(fleet, tmp_path)
    await session.query("First.")
    plane.gone.add("one")
    plane.kill("one")
    result = await session.query("Second.")
    assert result.error is not None
    assert result.error.code == "host_lost"
    with pytest.raises(HostLostError, match="on that host alone") as raised:
        session.query("Third.")
    assert (raised.value.resumable, raised.value.code) == (False, "host_lost")
    assert session.state == "disconnected"


@pytest.mark.parametrize("returns", [True, False])
async def test_a_worker_has_its_time_to_be_back_on_a_machine_that_is_there(
    plane: Any, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returns: bool
) -> None:
    monkeypatch.setattr("agent_fleet.placer.RESTART_SECONDS", 60.0 if returns else 0.3)
    asked = 0
    hosts = plane.hosts

    async def looked_for() -> Any:
        nonlocal asked
        asked += 1
        if asked == 3 and returns:
            plane.revive("one")
        return await hosts()

    plane.agents["one"].reply(text("Ready.")).reply(text("Back."))
    async with FleetBackend("codex", plane=plane, store=store_url, hosts=["one"], recovery_seconds=0.05) as backend:
        session = await opened(backend, tmp_path)
        await session.query("First.")
        monkeypatch.setattr(plane, "hosts", looked_for)
        plane.kill("one")
        result = await session.query("Second.")
        assert result.error is None if returns else result.error_code == "host_lost"
        assert asked >= 3 if returns else asked >= 1
        assert session.state == ("idle" if returns else "disconnected")


async def test_a_host_of_a_fleet_that_does_not_answer_is_lost(
    plane: Any, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent() -> Any:
        raise FleetError("The fleet does not tell its hosts: no way")

    plane.agents["one"].reply(text("Ready."))
    async with FleetBackend("codex", plane=plane, store=store_url, hosts=["one"], recovery_seconds=0.05) as backend:
        session = await opened(backend, tmp_path)
        await session.query("First.")
        monkeypatch.setattr(plane, "hosts", silent)
        plane.kill("one")
        assert (await session.query("Second.")).error_code == "host_lost"


async def test_a_new_session_waits_for_a_host_that_is_started_anew(
    fleet: FleetBackend, plane: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.agents["one"].reply(text("Ready."))
    plane.kill("one")
    told: list[str] = []

    def revive(_: str, reason: str) -> None:
        told.append(reason)
        plane.revive("one")

    monkeypatch.setattr("agent_fleet.opener._log.warning", revive)
    async with await opened(fleet, tmp_path) as session:
        assert (await session.query("First.")).result == "Ready."
    assert told == ["Host one is gone."]
    assert len(await fleet.store.list()) == 1


async def test_a_new_session_is_refused_where_its_host_stays_away(plane: Any, store_url: str, tmp_path: Path) -> None:
    async with FleetBackend("codex", plane=plane, store=store_url, hosts=["one"], recovery_seconds=0.1) as backend:
        plane.kill("one")
        with pytest.raises(HostGoneError, match="Host one is gone") as raised:
            await opened(backend, tmp_path)
        assert (raised.value.backend, await backend.store.list()) == ("fleet", [])


async def test_a_session_that_no_other_host_takes_may_be_resumed_later(
    plane: Any, store_url: str, tmp_path: Path
) -> None:
    plane.agents["one"].reply(text("Ready."))
    settings: dict[str, Any] = {"hosts": ["one"], "recovery_seconds": 0.2, "shared": True}
    async with FleetBackend("codex", plane=plane, store=store_url, **settings) as backend:
        session = await opened(backend, tmp_path)
        await session.query("First.")
        plane.drained.add("one")
        plane.kill("one")
        assert (await session.query("Second.")).outcome == "failed"
        with pytest.raises(HostLostError, match="no other host takes session") as raised:
            session.query("Third.")
        assert (raised.value.resumable, raised.value.reason) == (True, "no other host takes it")
        assert raised.value.details["resumable"] is True


async def test_a_host_that_is_back_without_the_agents_log_does_not_have_its_sessions_again(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    plane.agents["one"].reply(text("Ready."))
    session = await opened(fleet, tmp_path)
    await session.query("First.")
    plane.kill("one")
    plane.agents["one"]._store.clear()
    plane.revive("one")
    assert (await session.query("Second.")).outcome == "failed"
    with pytest.raises(HostLostError, match="is back, and cannot open it again") as raised:
        session.query("Third.")
    assert not raised.value.resumable
    assert session.resolved_session_id in raised.value.reason


async def test_a_queued_prompt_that_is_cancelled_is_not_sent_by_who_resumes(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    gate = Gate()
    plane.agents["one"].reply(text("Begun"), gate)
    async with await opened(fleet, tmp_path) as session:
        async with session.query("First.") as turn:
            async for message in turn:
                if isinstance(message, StreamEvent) and message.text:
                    break
            await session.send("Second.")
            receipt = await session.interrupt()
            assert len(receipt.cancelled) == 1
        gate.open()
        key = session.key
    assert await fleet.store.prompts(key, state="accepted") == []


async def test_a_session_is_resumed_where_it_is(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    plane.agents["one"].reply(text("One.")).reply(text("Two."))
    async with await opened(fleet, tmp_path) as session:
        await session.query("First.")
        known, key = session.resolved_session_id, session.key
    await fleet.store.accept(key, "left", {"prompt": [{"kind": "text", "text": "Left."}], "uuid": "left"})
    async with await opened(fleet, tmp_path, resume=known) as again:
        assert again.key == key
        await again.wait_idle()
        [row] = await fleet.store.prompts(key, uuids=["left"])
        assert row.state == "ended"
        result = await again.result_of("left")
        assert result is not None
        assert (result.result, result.user_message_uuids) == ("Two.", ["left"])
        await fleet.store.accept(key, "refused", {})
        assert await again.result_of("refused") is None
        await fleet.store.end(key, ["refused"], {"refused": "No."})
        assert await again.result_of("refused") is None
        assert await again.result_of("nobody's") is None
    assert (await fleet.read_history(known)).messages


async def test_a_session_that_is_open_here_is_not_opened_again(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    plane.agents["one"].reply(text("One."))
    async with await opened(fleet, tmp_path) as session:
        await session.query("First.")
        with pytest.raises(SessionBusyError, match="open in this backend"):
            await opened(fleet, tmp_path, resume=session.resolved_session_id)


async def test_a_prompt_waits_for_a_store_that_its_host_cannot_reach(
    fleet: FleetBackend, plane: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.agents["one"].reply(text("One."))
    async with await opened(fleet, tmp_path) as session:
        dispatch, tries = StoreJournal.dispatch, list[str]()

        async def away_once(self: StoreJournal, key: str, uuid: str) -> None:
            tries.append(uuid)
            if len(tries) == 1:
                raise FleetStoreError("The store is away.")
            await dispatch(self, key, uuid)

        monkeypatch.setattr(StoreJournal, "dispatch", away_once)
        assert (await session.query("First.")).result == "One."
        assert len(tries) == 2


async def test_an_interrupted_turn_ends_however_much_was_told_before(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    gate = Gate()
    plane.agents["one"].reply(deltas(3_000, "abc"), gate).reply(text("Next."))
    async with await opened(fleet, tmp_path) as session:
        async with session.query("Go.") as turn:
            async for message in turn:
                if isinstance(message, StreamEvent) and message.text:
                    break
            assert (await session.interrupt()).interrupted
        assert turn.result is not None
        assert turn.result.outcome == "interrupted"
        gate.open()
        assert (await session.query("Again.")).result == "Next."


async def test_settings_forks_and_lists(fleet: FleetBackend, plane: Any, tmp_path: Path) -> None:
    plane.agents["one"].reply(text("One."))
    async with await opened(fleet, tmp_path) as session:
        result = await session.query("First.")
        await session.set_model("other")
        await session.wait_idle()
        assert [model.id for model in await fleet.list_models()] == ["memory-1"]
        assert len(await fleet.list_sessions()) == 1
        async with session.fork(at=result.uuid) as fork:
            assert fork.key != session.key
            assert fork.host == session.host
        await fleet.rename_session(session.resolved_session_id, "A name")
        assert (await fleet.session_info(session.resolved_session_id)).title == "A name"
        assert await session.commands() == []
        with pytest.raises(UnsupportedOptionError):
            await session.background_tasks()


async def test_full_and_drained_hosts_take_nobody(plane: Any, store_url: str, tmp_path: Path) -> None:
    limits: dict[str, Any] = {"sessions_per_host": 1, "queue_seconds": 0.2}
    async with FleetBackend("codex", plane=plane, store=store_url, **limits) as backend:
        first, second = await opened(backend, tmp_path), await opened(backend, tmp_path)
        assert sorted([first.host, second.host]) == ["one", "two"]
        with pytest.raises(FleetFullError, match="one has 1, two has 1"):
            await opened(backend, tmp_path)
        await first.aclose()
        plane.drained = {first.host}
        with pytest.raises(FleetFullError, match=f"{first.host} is drained"):
            await opened(backend, tmp_path)
    async with FleetBackend("codex", plane=plane, store=store_url, sessions_per_tenant=1) as backend:
        plane.drained = set()
        await opened(backend, tmp_path)
        with pytest.raises(FleetFullError) as raised:
            await opened(backend, tmp_path)
        assert raised.value.code == "tenant_full"


async def test_sessions_that_are_opened_at_once_keep_to_the_limit_and_wait_for_room(
    plane: Any, store_url: str, tmp_path: Path
) -> None:
    made: list[Any] = []
    full: list[FleetFullError] = []
    async with FleetBackend("codex", plane=plane, store=store_url, sessions_per_host=1) as backend:

        async def open_one() -> None:
            try:
                made.append(await opened(backend, tmp_path))
            except FleetFullError as error:
                full.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(open_one)
        assert sorted(session.host for session in made) == ["one", "two"]
        assert len(full) == 3
        patient = FleetBackend("codex", plane=plane, store=store_url, sessions_per_host=1, queue_seconds=60)
        async with patient, anyio.create_task_group() as tasks:

            async def wait() -> None:
                made.append(await opened(patient, tmp_path))

            tasks.start_soon(wait)
            await anyio.sleep(0)
            freed = made[0].host
            await made[0].aclose()
            while len(made) < 3:
                await anyio.sleep(0.02)
            assert made[2].host == freed


async def test_what_has_no_name_on_the_host_is_refused(fleet: FleetBackend, tmp_path: Path) -> None:
    from agent_sdk_core import Hooks, tool

    @tool
    async def local(word: str) -> str:
        """Say it."""
        return word

    async def hook(event: Any) -> None:
        del event

    for options in ({"tools": [local]}, {"hooks": Hooks(pre_tool_use=hook)}):
        with pytest.raises(UnsupportedOptionError, match="imports it by its name"):
            await opened(fleet, tmp_path, **options)


async def test_a_host_with_a_callback_that_refuses_tells_the_agent(
    fleet: FleetBackend, plane: Any, tmp_path: Path
) -> None:
    async def refuse(request: Any) -> Deny:
        return Deny(f"No {request.tool_name}.")

    plane.agents["one"].reply(call("Bash", command="x")).reply(text("Well."))
    async with await opened(fleet, tmp_path, can_use_tool=refuse) as session:
        assert (await session.query("Go.")).result == "Well."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"backend": "fleet"}, "not another fleet"),
        ({"redeliver": "always"}, "if_absent"),
        ({"hosts": "one"}, "not one text"),
        ({"backend": "nonsense"}, "No backend is called"),
        *(({name: value}, name) for name in ("lease_seconds", "abandoned_seconds") for value in (0, -1, inf, nan, "x")),
        *(({name: value}, name) for name in ("recovery_seconds", "queue_seconds") for value in (-1, nan, "x")),
        *(({name: value}, name) for name in ("sessions_per_host", "sessions_per_tenant") for value in (0, -1, "2")),
        ({"labels": "x"}, "labels must be a mapping"),
        ({"store": 5}, "store must be"),
        ({"workspaces": "x"}, "workspaces must be"),
        ({"tenant": " "}, "tenant is empty"),
        *(({"address": address}, "HOST:PORT") for address in ("", "local", "head", "head:x", "ray://head:1", "head:0")),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], words: str, store_url: str) -> None:
    given: dict[str, Any] = {"backend": "codex", "store": store_url, **arguments}
    with pytest.raises(InvalidRequestError, match=words):
        FleetBackend(**given)


def test_on_trio_it_says_that_it_is_for_asyncio(plane_of_nothing: Any, store_url: str) -> None:
    import trio

    async def main() -> None:
        with pytest.raises(UnsupportedError, match="asyncio only"):
            await FleetBackend("codex", plane=plane_of_nothing, store=store_url).start()

    trio.run(main)


@pytest.fixture
def plane_of_nothing() -> Any:
    return object()
