"""The API and the WebSockets: a chat from its making to its end, several clients, errors, the OpenAPI document."""

from __future__ import annotations

import base64
import subprocess
import uuid
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from agent_chat.config.service import SettingsService
from agent_sdk_core.wire.json_lines import json_object
from agent_sdk_testing import Gate, call, text

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = pytest.mark.anyio


async def heard(socket: Any) -> dict[str, Any]:
    return {**json_object(str(await socket.recv()), "The message")}


async def until(socket: Any, key: str) -> dict[str, Any]:
    """Read a chat's stream until an event has a key."""
    while True:
        for event in (await heard(socket)).get("events", ()):
            if key in event:
                return event


async def test_the_page_learns_what_is_served(served: Any) -> None:
    about = (await served.client.get("/api")).json()
    assert about["backends"] == ["memory", "other"]
    assert about["demo"] == "Try it"
    assert "default" in about["permission_modes"]
    settings = (await served.client.get("/api/settings")).json()["settings"]
    assert settings["model"]["value"] is None
    models = (await served.client.get("/api/models", params={"backend": "memory", "fresh": "true"})).json()
    assert models["models"][0]["id"] == "memory-1"
    assert models["at"] > 0
    assert (await served.client.get("/api/sessions")).json() == {"sessions": [], "cursor": None}


async def test_a_prompt_is_asked_about_and_answered(served: Any) -> None:
    served.agent.reply(text("Let me look."), call("Bash", command="ls")).reply(text("Done."))
    chat = await served.make(model="memory-1", effort="low")
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        snapshot = await heard(socket)
        assert (snapshot["type"], snapshot["chat"]["state"], snapshot["pending"]) == ("snapshot", "closed", [])
        sent = await served.client.post(f"/api/chats/{chat}/prompts", json={"text": "Look"})
        assert sent.status_code == 202
        request = (await until(socket, "request"))["request"]
        assert request["asked"]["command"] == "ls"
        pending = (await served.client.get(f"/api/chats/{chat}/requests")).json()["pending"]
        assert [each["request_id"] for each in pending] == [request["request_id"]]
        path = f"/api/chats/{chat}/requests/{request['request_id']}"
        body = {"option": request["options"][0]["id"]}
        assert (await served.client.post(path, json=body, headers={"x-client": "tab 1"})).status_code == 204
        assert (await until(socket, "answered_by"))["answered_by"] == "tab 1"
        late = await served.client.post(path, json=body)
        assert (late.status_code, late.json()["error"]["code"]) == (409, "already_answered")
        assert late.json()["error"]["details"] == {"outcome": "allowed", "answered_by": "tab 1"}
        assert (await until(socket, "ending"))["ending"]["outcome"] == "completed"
    shown = (await served.client.get(f"/api/chats/{chat}")).json()
    assert [each["prompt"] for each in shown["messages"] if "prompt" in each] == ["Look"]


def turns(told: Any) -> float:
    """Return how many turns of the agent in memory ended well."""
    counted = [
        series for metric in told["metrics"] if metric["name"] == "agent_sdk.turns" for series in metric["series"]
    ]
    wanted = {"backend": "memory", "outcome": "completed"}
    return sum(series["value"] for series in counted if series["attributes"] == wanted)


async def test_the_server_tells_what_it_counted(served: Any) -> None:
    before = turns((await served.client.get("/api/telemetry")).json())
    served.agent.reply(text("Hello."))
    chat = await served.make()
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        await served.client.post(f"/api/chats/{chat}/prompts", json={"text": "Hi"})
        await until(socket, "ending")
    assert turns((await served.client.get("/api/telemetry")).json()) == before + 1


async def test_a_client_that_comes_back_goes_on_at_its_cursor(served: Any) -> None:
    served.agent.reply(text("one")).reply(text("two"))
    chat = await served.make()
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        await heard(socket)
        await served.client.post(f"/api/chats/{chat}/prompts", json={"text": "1"})
        ending = await until(socket, "ending")
        epoch = (await served.client.get(f"/api/chats/{chat}")).json()["cursor"]["epoch"]
    await served.client.post(f"/api/chats/{chat}/prompts", json={"text": "2"})
    async with served.socket(f"/api/chats/{chat}/events?cursor={epoch}.{ending['seq']}") as socket:
        told = await heard(socket)
        assert told["type"] == "events"
        assert told["events"][0]["seq"] > ending["seq"]
        assert not any("ending" in event and event["seq"] <= ending["seq"] for event in told["events"])
    async with served.socket(f"/api/chats/{chat}/events?cursor=old.{ending['seq']}") as socket:
        assert (await heard(socket))["type"] == "snapshot"


async def test_half_a_character_that_a_browser_sends_is_replaced(served: Any) -> None:
    chat = await served.make()
    content = r'{"text": "cut \ud83d"}'
    path, headers = f"/api/chats/{chat}/draft", {"content-type": "application/json"}
    assert (await served.client.put(path, content=content, headers=headers)).status_code == 204
    assert (await served.client.get(path)).json()["text"] == "cut \ufffd"


async def test_a_question_is_answered_by_its_answer(served: Any) -> None:
    asked = {"question": "Which?", "header": "h", "options": [{"label": "a", "description": ""}], "multiSelect": False}
    served.agent.reply(call("AskUserQuestion", questions=[asked])).otherwise(text("ok"))
    chat = await served.make()
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        await heard(socket)
        await served.client.post(f"/api/chats/{chat}/prompts", json={"text": "Ask"})
        request = (await until(socket, "request"))["request"]
        assert request["kind"] == "question"
        key = request["request"]["questions"][0]["id"]
        path = f"/api/chats/{chat}/requests/{request['request_id']}"
        wrong = await served.client.post(path, json={"option": "1"})
        assert wrong.status_code == 400
        body = {"answer": {"kind": "answers", "answers": {key: ["a"]}}}
        assert (await served.client.post(path, json=body)).status_code == 204
        await until(socket, "ending")


async def test_a_prompt_can_be_read_so_that_it_is_sent_again(served: Any) -> None:
    served.agent.otherwise(text("ok"))
    chat, name = await served.make(), str(uuid.uuid4())
    path = f"/api/chats/{chat}/prompts"
    said = {"text": "Look", "images": [{"media_type": "image/png", "data": PNG}]}
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        await served.client.post(path, json={**said, "uuid": name})
        await until(socket, "ending")
        await served.client.post(path, json={"text": "again", "uuid": "0" * 8 + name[8:]})
        await until(socket, "ending")
    assert (await served.client.get(f"{path}/{name}")).json() == said
    assert (await served.client.get(f"{path}/{'0' * 8 + name[8:]}")).json() == {"text": "again", "images": []}
    unknown = await served.client.get(f"{path}/{uuid.uuid4()}")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "no_such_prompt")


async def test_waiting_prompts_are_changed_and_the_turn_is_stopped(served: Any) -> None:
    gate = Gate()
    served.agent.reply(text("x"), gate).otherwise(text("ok"))
    chat = await served.make()
    prompts = f"/api/chats/{chat}/prompts"
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        await heard(socket)
        await served.client.post(prompts, json={"text": "first"})
        await until(socket, "prompt")
        names = [str(uuid.uuid4()) for _ in range(3)]
        for name in names:
            await served.client.post(prompts, json={"text": name, "uuid": name})
        for wrong in ("nope", "../../x", ""):
            assert (await served.client.post(prompts, json={"text": "x", "uuid": wrong})).status_code == 400
        again = await served.client.post(prompts, json={"text": "x", "uuid": names[0]})
        assert again.status_code == 202, "one that is known is not sent again"
        await served.client.patch(f"{prompts}/{names[0]}", json={"text": "changed"})
        await served.client.patch(f"{prompts}/{names[2]}", json={"index": 0})
        assert (await served.client.delete(f"{prompts}/{names[1]}")).status_code == 204
        queue = (await served.client.get(f"/api/chats/{chat}")).json()["chat"]["queue"]
        assert [each["text"] for each in queue] == [names[2], "changed"]
        stopped = (await served.client.post(f"/api/chats/{chat}/interrupt")).json()
        assert stopped["interrupted"]
        assert len(stopped["cancelled"]) == 2
        assert (await until(socket, "ending"))["ending"]["outcome"] in ("interrupted", "cancelled")
    assert (await served.client.delete(f"{prompts}/{names[0]}")).status_code == 400
    gate.open()


async def test_images_of_a_draft_are_kept_until_others_are_given(served: Any) -> None:
    path = f"/api/chats/{await served.make()}/draft"
    image = {"media_type": "image/png", "data": base64.b64encode(b"a picture" * 400).decode()}
    assert (await served.client.put(path, json={"text": "see", "images": [image, image]})).status_code == 204
    assert (await served.client.put(path, json={"text": "see it"})).status_code == 204
    kept = await served.client.get(path)
    assert kept.json() == {"text": "see it", "images": [image, image]}
    assert kept.headers["content-encoding"] == "identity"
    for refused in (
        [{**image, "media_type": "image/svg+xml"}],
        [{**image, "data": "no base64"}],
        [image] * 11,
        [{"media_type": "image/png", "data": "A" * (12 * 2**20)}],
    ):
        given = {"text": "other", "images": refused}
        assert (await served.client.put(path, json=given)).status_code == 400
    assert (await served.client.get(path)).json() == kept.json()
    assert (await served.client.put(path, json={"text": "", "images": []})).status_code == 204
    assert (await served.client.get(path)).json() == {"text": "", "images": []}


async def test_settings_drafts_lists_and_export(served: Any) -> None:
    served.agent.otherwise(text("The *answer*."))
    chat = await served.make(title="First", tags=["a"])
    path = f"/api/chats/{chat}"
    changes = {
        "model": "m", "effort": "high", "permission_mode": "plan", "sandbox": "read-only", "title": "New", "tags": ["b"]
    }  # fmt: skip
    changed = (await served.client.patch(path, json=changes)).json()["chat"]
    assert {name: changed[name] for name in changes} == changes
    assert (await served.client.patch(path, json={"backend": "other"})).json()["chat"]["backend"] == "other"
    assert (await served.client.patch(path, json={"backend": "nobody"})).status_code == 400
    assert (await served.client.put(f"{path}/draft", json={"text": "half a"})).status_code == 204
    assert (await served.client.get(f"{path}/draft")).json() == {"text": "half a", "images": []}
    assert (await served.client.get(f"{path}/commands")).json() == {"commands": []}
    async with served.socket(f"{path}/events") as socket:
        await heard(socket)
        await served.client.post(f"{path}/prompts", json={"text": "What?", "priority": "steer"})
        await until(socket, "ending")
    assert (await served.client.post(f"{path}/compact")).status_code in (204, 409, 422)
    chat_object = await served.service.open(chat)
    await chat_object.log.flush(30)
    markdown = await served.client.get(f"{path}/export")
    assert "## Prompt\n\nWhat?" in markdown.text
    assert "The *answer*." in markdown.text
    lines = (await served.client.get(f"{path}/export", params={"format": "ndjson"})).text.splitlines()
    assert json_object(lines[0], "x")["type"] == "chat"
    assert len(lines) == 1 + chat_object.meta.last_seq or len(lines) > 3
    found = (await served.client.get("/api/search", params={"q": "answer"})).json()
    assert found["hits"][0]["chat_id"] == chat
    messages = (await served.client.get(f"{path}/messages", params={"limit": 1})).json()
    assert len(messages["messages"]) == 1
    assert messages["before"]
    listed = (await served.client.get("/api/chats", params={"archived": "false"})).json()["chats"]
    assert [(each["title"], each["state"]) for each in listed] == [("New", "idle")]
    await served.client.patch(path, json={"archived": True})
    assert (await served.client.get("/api/chats")).json()["chats"] == []
    assert (await served.client.delete(path)).status_code == 204
    assert (await served.client.get(path)).status_code == 404


async def test_everybody_learns_of_every_chat(served: Any) -> None:
    async with served.socket("/api/events") as socket:
        assert (await heard(socket))["type"] == "ready"
        chat = await served.make()
        told = await heard(socket)
        assert (told["event"], told["chat_id"]) == ("ChatCreated", chat)


async def test_a_stream_that_there_is_not_is_told_and_closed(served: Any) -> None:
    chat = await served.make()
    for path in ("/api/chats/nothing/events", f"/api/chats/{chat}/events?cursor=x"):
        async with served.socket(path) as socket:
            assert (await heard(socket))["type"] == "error"
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4404


async def test_a_stream_ends_with_its_chat(served: Any) -> None:
    chat = await served.make()
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        await heard(socket)
        await served.client.delete(f"/api/chats/{chat}")
        with pytest.raises(ConnectionClosed) as closed:
            await until(socket, "nothing")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4410


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/nothing", None, 404, "not_found"),
        ("DELETE", "/api/openapi.json", None, 404, "not_found"),
        ("GET", "/api/chats?zzz=1", None, 400, "invalid_query"),
        ("GET", "/api/chats?limit=0", None, 400, "invalid_query"),
        ("GET", "/api/chats?limit=x", None, 400, "invalid_query"),
        ("GET", "/api/chats?archived=x", None, 400, "invalid_query"),
        ("GET", "/api/chats?cursor=x", None, 400, "invalid_request"),
        ("POST", "/api/chats", {"zzz": 1}, 400, "invalid_body"),
        ("POST", "/api/chats", {"permission_mode": "all"}, 400, "invalid_body"),
        ("POST", "/api/chats", {"cwd": "nowhere"}, 400, "invalid_request"),
        ("POST", "/api/chats", [], 400, "invalid_request"),
        ("GET", "/api/models?backend=nobody", None, 400, "invalid_request"),
        ("GET", "/api/chats/nothing", None, 404, "chat_not_found"),
        ("GET", "/api/search?q=", None, 400, "invalid_request"),
        ("GET", "/api/chats/x/export?format=pdf", None, 400, "invalid_query"),
        ("GET", "/api/chats/x/export", None, 404, "chat_not_found"),
    ],
)
async def test_errors_say_what_is_wrong(
    served: Any, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = await served.client.request(method, path, **({} if body is None else {"json": body}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]


async def test_a_prompt_is_refused_where_it_is_none(served: Any) -> None:
    chat = await served.make()
    path = f"/api/chats/{chat}/prompts"
    for body in ({}, {"text": " "}, {"text": "x", "uuid": 3}, {"images": [{"media_type": "text/html", "data": ""}]}):
        assert (await served.client.post(path, json=body)).status_code == 400
    image = {"media_type": "image/png", "data": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()}
    served.agent.otherwise(text("ok"))
    assert (await served.client.post(path, json={"text": "x", "images": [image]})).status_code == 202


async def test_the_document_describes_every_path(served: Any) -> None:
    document = (await served.client.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names)) > 20
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "{" not in path and method == "get" and path != "/api/search":
                answer = await served.client.get(path)
                assert str(answer.status_code) in operation["responses"], path


async def test_settings_are_read_and_those_of_an_application_stay(served: Any) -> None:
    told = (await served.client.get("/api/settings")).json()
    assert told["settings"]["permission_mode"]["spec"]["choices"]
    assert (told["can_change"], told["problem"]) == (False, None)
    refused = await served.client.patch("/api/settings", json={"changes": {"model": "m"}})
    assert refused.status_code == 400
    assert "given by the application" in refused.json()["error"]["message"]


async def test_settings_are_written_where_they_may_be(served: Any, tmp_path: Any) -> None:
    user_file = tmp_path / "config.toml"
    user_file.touch()
    served.service.settings = SettingsService(cwd=tmp_path, env={}, user_file=user_file)
    changed = await served.client.patch("/api/settings", json={"changes": {"model": "m"}, "scope": "user"})
    assert changed.json() == {"changed": ["model"]}
    assert "m" in user_file.read_text()
    wrong = await served.client.patch("/api/settings", json={"changes": {"permission_mode": "all", "model": "x"}})
    assert wrong.status_code == 400
    assert "x" not in user_file.read_text()


async def test_a_folder_is_trusted_by_the_users_own_file(served: Any, tmp_path: Any) -> None:
    user_file = tmp_path / "config.toml"
    user_file.touch()
    project = tmp_path / "strange"
    (project / ".codex").mkdir(parents=True)
    refused = await served.client.post("/api/trust", json={"cwd": str(project)})
    assert refused.status_code == 400
    assert "given by the application" in refused.json()["error"]["message"]
    served.service.settings = SettingsService(cwd=tmp_path, env={}, user_file=user_file)
    before = (await served.client.get("/api/trust", params={"cwd": str(project)})).json()
    assert before == {"root": str(project), "trusted": False, "found": [".codex"], "can_trust": True}
    for _ in range(2):
        after = (await served.client.post("/api/trust", json={"cwd": str(project)})).json()
        assert after == {**before, "trusted": True}
    assert user_file.read_text() == f'trusted_folders = ["{project}"]\n'
    missing = await served.client.get("/api/trust", params={"cwd": str(tmp_path / "none")})
    assert missing.status_code == 400


async def test_a_folder_that_goes_meanwhile_is_trusted_by_nobody(served: Any, monkeypatch: Any) -> None:
    async def gone(folder: object) -> None:
        del folder

    monkeypatch.setattr(served.service, "trust", gone)
    told = (await served.client.get("/api/trust")).json()
    assert told == {"root": "", "trusted": False, "found": [], "can_trust": False}


async def test_a_turn_is_undone(served: Any) -> None:
    folder = served.service.cwd
    for command in (
        ("init", "-q"),
        ("-c", "user.name=n", "-c", "user.email=e@e", "commit", "-q", "--allow-empty", "-mx"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)

    def write(arguments: Any) -> str:
        del arguments
        (folder / "made.txt").write_text("x")
        return "done"

    served.agent.on("Write", write)
    served.agent.reply(call("Write", file_path="made.txt", content="x")).otherwise(text("ok"))
    chat = await served.make(permission_mode="bypass")
    prompt = str(uuid.uuid4())
    async with served.socket(f"/api/chats/{chat}/events") as socket:
        await heard(socket)
        await served.client.post(f"/api/chats/{chat}/prompts", json={"text": "Do it", "uuid": prompt})
        path = f"/api/chats/{chat}/turns/{prompt}"
        while (await until(socket, "chat"))["chat"]["undo"] != prompt:
            pass
        told = (await served.client.get(path)).json()
        assert told == {"files": [{"path": "made.txt", "change": "added", "conflict": False}]}
        assert (await served.client.delete(path)).status_code == 204
    assert not (folder / "made.txt").exists()
    again = await served.client.delete(path)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "cannot_undo")


async def test_a_chat_has_a_worktree_that_goes_with_it(served: Any) -> None:
    folder = served.service.cwd
    refused = await served.client.post("/api/chats", json={"worktree": True})
    assert "no git repository" in refused.json()["error"]["message"]
    for command in (
        ("init", "-q"),
        ("-c", "user.name=n", "-c", "user.email=e@e", "commit", "-q", "--allow-empty", "-mx"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    chat = await served.make(worktree=True)
    place = served.service.opened(chat).meta.cwd
    assert place == str(folder.parent / "project.worktrees" / chat[:12])
    assert (await served.client.delete(f"/api/chats/{chat}")).status_code == 204
    assert not (folder.parent / "project.worktrees" / chat[:12]).exists()
