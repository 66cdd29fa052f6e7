from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_fleet.plane.actor import HostActor
from agent_fleet.versions import versions
from agent_sdk_testing import ScriptedModel, clean_env, find_codex, scratch_folder, text, write_codex_home

pytestmark = pytest.mark.anyio


async def ask(actor: HostActor, method: str, **params: Any) -> dict[str, Any]:
    return json.loads(await actor.request(json.dumps({"method": method, "params": params}).encode()))


async def test_an_actor_serves_a_real_agent_in_bytes_of_json(
    anyio_backend: str, scripted_model: ScriptedModel, tmp_path: Path
) -> None:
    with scratch_folder(prefix="actor-") as folder:
        write_codex_home(folder / "home", scripted_model)
        scripted_model.reply(text("Here."))
        arguments = {"executable": str(find_codex()), "env": clean_env(codex_home=folder / "home")}
        spec = {
            "host": "one",
            "backend": "codex",
            "tenant": "t",
            "store": str(tmp_path / "fleet.db"),
            "arguments": arguments,
            "lease_seconds": 5,
            "abandoned_seconds": 60,
        }
        actor = HostActor(json.dumps(spec).encode(), owner="me")
        assert json.loads(await actor.versions()) == versions()
        from agent_fleet.store.fleet_store import FleetStore

        store = FleetStore(spec["store"])  # pyright: ignore[reportArgumentType]  # a text
        key = await store.create(backend="codex", tenant="t", host="one", workspace=None, options={})
        opened = await ask(actor, "open", key=key, client="c", options={"cwd": str(tmp_path)})
        assert opened["result"]["attached"] is False
        assert not await actor.shutdown()
        await store.accept(key, "p", {})
        sent = await ask(actor, "send", key=key, uuid="p", prompt=[{"kind": "text", "text": "Hi."}])
        assert sent == {"result": {}}
        again = await ask(actor, "send", key=key, uuid="p", prompt=[{"kind": "text", "text": "Hi."}])
        assert again["failure"]["code"] == "prompt_not_waiting"
        cursor: str = opened["result"]["cursor"]
        kinds: list[str] = []
        while "result" not in kinds:
            batch = (await ask(actor, "poll", key=key, client="c", cursor=cursor))["result"]
            cursor = batch["cursor"]
            kinds += [entry["message"]["type"] for entry in batch["events"]]
        taken = await ask(actor, "open", key=key, client="other", options={})
        assert taken["failure"]["code"] == "session_in_use"
        refused = await ask(actor, "poll", key=key, client="other", cursor=cursor)
        assert refused["failure"]["code"] == "session_taken"
        assert (await ask(actor, "hello"))["result"]["sessions"] == 1
        assert (await ask(actor, "nonsense", key=key))["failure"]["code"] == "invalid_request"
        assert (await ask(actor, "history", key="none"))["failure"]["code"] == "not_hosted"
        assert "failure" in json.loads(await actor.request(b"no json"))
        assert (await ask(actor, "close", key=key))["result"]["state"] == "closed"
        assert (await ask(actor, "close", key=key))["result"] == {}
        assert await actor.shutdown()
        await store.aclose()
