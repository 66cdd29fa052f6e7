"""The REST API over `ChatService`: chats, prompts, answers, settings, models, stored sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final

from starlette.responses import JSONResponse, Response, StreamingResponse

from agent_chat import __version__
from agent_chat.chats.chat import Chat
from agent_chat.chats.export import as_markdown, as_ndjson
from agent_chat.chats.files import find_files
from agent_chat.chats.prompts import ChatPrompt, read_images, write_images
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import SANDBOXES, ChatSettings, working_folder
from agent_chat.chats.trust import ProjectTrust
from agent_chat.config.keys import SCOPES
from agent_chat.storage.records import ChatMeta, StoredMessage
from agent_chat.transcript.paths import short_path
from agent_chat.web.agui.inputs import RUN_INPUT, RunInput
from agent_chat.web.agui.runs import AguiRuns
from agent_chat.web.operations import Call, Operation, Schema, openapi, record
from agent_sdk_core.asking.mode_names import MODES
from agent_sdk_core.asking.requests import answer_from_wire
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.telemetry.snapshot import telemetry_snapshot

OBJECT: Final[Schema] = {"type": "object"}
TEXT: Final[Schema] = {"type": "string"}
MAYBE: Final[Schema] = {"type": ["string", "null"], "maxLength": 1_000}
UUID: Final[Schema] = {"type": "string", "format": "uuid", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 500}
PROMPT: Final[Schema] = {
    "text": {"type": "string"},
    "images": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["media_type", "data"],
            "properties": {"media_type": TEXT, "data": TEXT},
            "additionalProperties": False,
        },
    },
}
EXPORTS: Final = {"markdown": "text/markdown", "ndjson": "application/x-ndjson"}
"""Type of each file that a chat is exported to."""

CHAT: Final[Schema] = {
    "model": MAYBE,
    "effort": MAYBE,
    "permission_mode": {"enum": [*MODES, None]},
    "sandbox": {"enum": [*SANDBOXES, None]},
    "title": {"type": "string", "maxLength": 200},
    "tags": {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 60}},
}


def _body(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


class Api:
    """The operations over one service.

    Args:
        service: What they are done with.
        demo: The text that the page proposes as a first prompt, where a demo is served.
    """

    def __init__(self, service: ChatService, *, demo: str | None = None) -> None:
        self._service = service
        self._demo = demo
        self._runs = AguiRuns(service)
        self.operations: tuple[Operation, ...] = (
            Operation("GET", "", "What is served here.", self.about, gives=OBJECT),
            Operation("GET", "/openapi.json", "This document.", self.document, gives=OBJECT),
            Operation(
                "GET", "/telemetry", "Counts, latencies and errors of this server.", self.telemetry, gives=OBJECT
            ),
            Operation(
                "GET",
                "/chats",
                "Chats, those used last first.",
                self.list_chats,
                query={"archived": {"type": "boolean"}, "backend": TEXT, "limit": LIMIT, "cursor": TEXT},
                gives=OBJECT,
            ),
            Operation(
                "POST",
                "/chats",
                "Make a chat.",
                self.create_chat,
                body=_body({**CHAT, "backend": MAYBE, "cwd": MAYBE, "worktree": {"type": "boolean"}}),
                status=201,
                gives=OBJECT,
            ),
            Operation("GET", "/chats/{chat_id}", "How a chat stands.", self.read_chat, gives=OBJECT),
            Operation(
                "PATCH",
                "/chats/{chat_id}",
                "Change what a chat is like, from its next turn on.",
                self.change_chat,
                body=_body({**CHAT, "backend": TEXT, "archived": {"type": "boolean"}}),
                gives=OBJECT,
            ),
            Operation("DELETE", "/chats/{chat_id}", "Remove a chat for good.", self.delete_chat),
            Operation(
                "GET",
                "/chats/{chat_id}/messages",
                "Messages of a chat before a number.",
                self.read_messages,
                query={"before": {"type": "integer", "minimum": 1, "maximum": 2**53}, "limit": LIMIT},
                gives=OBJECT,
            ),
            Operation(
                "GET",
                "/chats/{chat_id}/export",
                "A chat as a file.",
                self.export_chat,
                query={"format": {"type": "string", "enum": list(EXPORTS)}},
                gives={},
                media_types=tuple(EXPORTS.values()),
            ),
            Operation(
                "POST",
                "/chats/{chat_id}/prompts",
                "Send a prompt; one of a known uuid is not sent again.",
                self.send_prompt,
                body=_body({**PROMPT, "priority": {"enum": ["queue", "steer"]}, "uuid": UUID}),
                status=202,
                gives=OBJECT,
            ),
            Operation("GET", "/chats/{chat_id}/prompts/{uuid}", "What a prompt said.", self.read_prompt, gives=OBJECT),
            Operation(
                "PATCH",
                "/chats/{chat_id}/prompts/{uuid}",
                "Change or move a prompt that waits.",
                self.change_prompt,
                body={**_body({**PROMPT, "index": {"type": "integer", "minimum": 0}}), "minProperties": 1},
                gives=OBJECT,
            ),
            Operation(
                "DELETE",
                "/chats/{chat_id}/prompts/{uuid}",
                "Take away a prompt that waits or was never sent.",
                self.remove_prompt,
            ),
            Operation(
                "POST",
                "/chats/{chat_id}/interrupt",
                "Stop the running turn; with `now`, without waiting for an agent that does not confirm it.",
                self.interrupt,
                query={"now": {"type": "boolean"}},
                gives=OBJECT,
            ),
            Operation("POST", "/chats/{chat_id}/compact", "Replace the conversation by a summary.", self.compact),
            Operation(
                "GET",
                "/chats/{chat_id}/turns/{uuid}",
                "What undoing the turn of a prompt would touch.",
                self.plan_undo,
                gives=OBJECT,
            ),
            Operation(
                "DELETE",
                "/chats/{chat_id}/turns/{uuid}",
                "Undo what the turn of a prompt did to files, all or nothing.",
                self.undo_turn,
            ),
            Operation(
                "GET", "/chats/{chat_id}/requests", "What waits for an answer.", self.list_requests, gives=OBJECT
            ),
            Operation(
                "POST",
                "/chats/{chat_id}/requests/{request_id}",
                "Answer what waits: by the id of an option, or by an answer.",
                self.answer_request,
                body=_body({"option": TEXT, "answer": OBJECT}),
            ),
            Operation(
                "GET",
                "/chats/{chat_id}/draft",
                "What is typed and attached and not sent.",
                self.read_draft,
                gives=OBJECT,
            ),
            Operation(
                "PUT",
                "/chats/{chat_id}/draft",
                "Keep what is typed and attached and not sent; without images, those that are kept stay.",
                self.write_draft,
                body=_body({**PROMPT, "text": {"type": "string", "maxLength": 200_000}}, "text"),
            ),
            Operation(
                "GET",
                "/chats/{chat_id}/files",
                "Files of the chat's folder whose path holds a text.",
                self.list_files,
                query={"q": TEXT, "limit": LIMIT},
                gives=OBJECT,
            ),
            Operation("GET", "/chats/{chat_id}/commands", "What a prompt may name.", self.list_commands, gives=OBJECT),
            Operation(
                "GET",
                "/models",
                "The models of an agent, and when it was asked.",
                self.list_models,
                query={"backend": TEXT, "fresh": {"type": "boolean"}},
                gives=OBJECT,
            ),
            Operation(
                "GET",
                "/sessions",
                "The sessions that an agent has stored.",
                self.list_sessions,
                query={"backend": TEXT, "cwd": TEXT, "limit": LIMIT, "cursor": TEXT},
                gives=OBJECT,
            ),
            Operation(
                "GET",
                "/search",
                "Messages that hold every word of a text, newest first.",
                self.search,
                query={"q": TEXT, "limit": LIMIT, "cursor": TEXT},
                gives=OBJECT,
            ),
            Operation(
                "POST",
                "/agui",
                "Run an agent as AG-UI describes it.",
                self.run_agui,
                body=RUN_INPUT,
                gives={},
                media_types=("text/event-stream",),
            ),
            Operation(
                "POST",
                "/agui/{backend}",
                "Run this agent as AG-UI describes it.",
                self.run_agui_of,
                body=RUN_INPUT,
                gives={},
                media_types=("text/event-stream",),
            ),
            Operation(
                "GET",
                "/trust",
                "What a folder brings along for agents, and whether the user trusts it.",
                self.read_trust,
                query={"cwd": TEXT},
                gives=OBJECT,
            ),
            Operation(
                "POST",
                "/trust",
                "Trust a folder from now on, as the user's own file has it.",
                self.trust_folder,
                body=_body({"cwd": TEXT}, "cwd"),
                gives=OBJECT,
            ),
            Operation("GET", "/settings", "What is configured, and from where.", self.read_settings, gives=OBJECT),
            Operation(
                "PATCH",
                "/settings",
                "Write settings into a file, all or none; null takes one out.",
                self.change_settings,
                body=_body(
                    {"changes": {"type": "object", "minProperties": 1}, "scope": {"enum": list(SCOPES)}}, "changes"
                ),
                gives=OBJECT,
            ),
        )
        if service.read_only:
            self.operations = tuple(each if each.method == "GET" else _refused(each) for each in self.operations)

    # The server

    async def about(self, call: Call) -> object:
        """Return what a page begins with."""
        del call
        service = self._service
        return {
            "version": __version__,
            "cwd": str(service.cwd),
            "backends": list(service.backends),
            "permission_modes": list(MODES),
            "sandboxes": list(SANDBOXES),
            "demo": self._demo,
            "read_only": service.read_only,
        }

    async def telemetry(self, call: Call) -> object:
        """Return what the process of this server counted, measured and reported so far."""
        del call
        return telemetry_snapshot()

    async def document(self, call: Call) -> object:
        """Return the OpenAPI document."""
        del call
        return openapi(self.operations)

    async def read_settings(self, call: Call) -> object:
        """Return the settings: what each takes, its value in force, and where that comes from; secrets are hidden."""
        del call
        settings = self._service.settings
        return {
            "settings": {view.key: view.to_wire() for view in settings.views()},
            "files": [str(file.path) for file in settings.config.files],
            "can_change": settings.can_change and not self._service.read_only,
            "problem": None if settings.problem is None else settings.problem.message,
        }

    async def change_settings(self, call: Call) -> object:
        """Write settings."""
        keys = await self._service.settings.change(call.body["changes"], scope=call.body.get("scope", "user"))
        return {"changed": list(keys)}

    async def read_trust(self, call: Call) -> object:
        """Return how it stands with a folder."""
        return self._trust(await self._service.trust(self._folder(call.query.get("cwd", ""))))

    async def trust_folder(self, call: Call) -> object:
        """Trust a folder."""
        return self._trust(await self._service.trust_folder(self._folder(call.body["cwd"])))

    async def list_models(self, call: Call) -> object:
        """Return an agent's models."""
        backend = call.query.get("backend") or self._service.backends[0]
        listed = await self._service.models(backend, fresh=call.query.get("fresh", False))
        models = [model.to_wire() for model in listed.models]
        return {
            "backend": backend,
            "at": listed.at,
            "models": models,
            "sandboxes": list(await self._service.sandboxes(backend)),
        }

    async def list_sessions(self, call: Call) -> object:
        """Return an agent's stored sessions."""
        query = dict(call.query)
        backend = await self._service.agent(query.pop("backend", None))
        return (await backend.list_sessions(**query)).to_wire()

    async def search(self, call: Call) -> object:
        """Return what a search finds."""
        query = dict(call.query)
        return (await self._service.search(query.pop("q", ""), **query)).to_wire()

    # Chats

    async def list_chats(self, call: Call) -> object:
        """Return a page of chats, each with what it does."""
        page = await self._service.chats(**call.query)
        return {"chats": [self._summary(meta) for meta in page], "cursor": page.cursor}

    async def create_chat(self, call: Call) -> object:
        """Make a chat."""
        given = dict(call.body)
        worktree = bool(given.pop("worktree", False))
        return {"chat": (await self._service.create(ChatSettings.from_wire(given), worktree=worktree)).view()}

    async def read_chat(self, call: Call) -> object:
        """Return a snapshot."""
        return (await self._chat(call)).snapshot()

    async def change_chat(self, call: Call) -> object:
        """Change a chat."""
        chat, body = await self._chat(call), call.body
        if "sandbox" in body and body["sandbox"] is None:  # First, for the other agent may have none.
            await self._service.change_sandbox(chat, None)
        if "backend" in body:
            await self._service.change_backend(chat, body["backend"])
        for name, change in (
            ("model", chat.set_model),
            ("effort", chat.set_effort),
            ("permission_mode", chat.set_permission_mode),
            ("sandbox", partial(self._service.change_sandbox, chat)),
        ):
            if name in body:
                await change(body[name])
        changes: dict[str, Any] = {name: body[name] for name in ("title", "archived") if name in body}
        if "tags" in body:
            changes["tags"] = tuple(body["tags"])
        if changes:
            await chat.change(**changes)
        return {"chat": chat.view()}

    async def delete_chat(self, call: Call) -> object:
        """Delete a chat."""
        await self._service.delete(call.path["chat_id"])
        return None

    async def read_messages(self, call: Call) -> object:
        """Return earlier messages."""
        return await self._service.messages(call.path["chat_id"], **call.query)

    async def export_chat(self, call: Call) -> object:
        """Return a chat as a file."""
        chat_id = call.path["chat_id"]
        meta = await self._service.store.get_chat(chat_id)
        form = call.query.get("format", "markdown")
        as_lines, kind = form == "ndjson", EXPORTS[form]

        async def pages() -> AsyncIterator[str]:
            after: int | None = 0
            first = True
            while after is not None:
                page = await self._service.store.read_messages(chat_id, after=after, limit=500)
                after = None if page.cursor is None else int(page.cursor)
                for text in _exported(meta, list(page), as_lines=as_lines, first=first):
                    yield text
                first = False

        name = f"chat.{'ndjson' if as_lines else 'md'}"
        return StreamingResponse(
            pages(), media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'}
        )

    # A chat

    async def send_prompt(self, call: Call) -> object:
        """Send a prompt."""
        chat, body = await self._chat(call), call.body
        priority = "steer" if body.get("priority") == "steer" else "queue"
        uuid = await chat.send(ChatPrompt.from_wire(body), priority=priority, uuid=body.get("uuid"))
        return {"uuid": uuid, "cursor": asdict(chat.feed.stream.cursor)}

    async def read_prompt(self, call: Call) -> object:
        """Return what a prompt said."""
        prompt = await (await self._chat(call)).journal.prompt(call.path["uuid"])
        told = {"text": prompt.text, "images": write_images(prompt.images)}
        return JSONResponse(told, headers={"content-encoding": "identity"}) if prompt.images else told

    async def change_prompt(self, call: Call) -> object:
        """Change a waiting prompt."""
        chat, body, uuid = await self._chat(call), call.body, call.path["uuid"]
        if "text" in body or "images" in body:
            chat.edit_queued(uuid, ChatPrompt.from_wire(body), keeps_images="images" not in body)
        if "index" in body:
            chat.move_queued(uuid, body["index"])
        return {"queue": chat.view()["queue"]}

    async def remove_prompt(self, call: Call) -> object:
        """Take a prompt away."""
        chat, uuid = await self._chat(call), call.path["uuid"]
        if any(each["uuid"] == uuid for each in chat.journal.unsent):
            await chat.forget_unsent(uuid)
        else:
            chat.edit_queued(uuid, None)
        return None

    async def interrupt(self, call: Call) -> object:
        """Stop the turn."""
        return (await (await self._chat(call)).interrupt(now=call.query.get("now", False))).to_wire()

    async def compact(self, call: Call) -> object:
        """Compact the chat."""
        await (await self._chat(call)).compact()
        return None

    async def plan_undo(self, call: Call) -> object:
        """Return what undoing would touch."""
        turns = (await self._chat(call)).turns
        files = [] if turns is None else await turns.plan(call.path["uuid"])
        return {"files": [file.to_wire() for file in files]}

    async def undo_turn(self, call: Call) -> object:
        """Undo a turn."""
        await (await self._chat(call)).undo(call.path["uuid"])
        return None

    async def list_requests(self, call: Call) -> object:
        """Return what waits."""
        return {"pending": (await self._chat(call)).pending}

    async def answer_request(self, call: Call) -> object:
        """Answer what waits."""
        chat, body = await self._chat(call), call.body
        answer = answer_from_wire(record(body["answer"])) if "answer" in body else str(body.get("option", ""))
        await chat.answer(call.path["request_id"], answer, by=call.client)
        return None

    async def read_draft(self, call: Call) -> object:
        """Return the draft."""
        chat = await self._chat(call)
        told = {"text": await chat.drafts.text(), "images": write_images(await chat.drafts.images())}
        # Images do not get smaller, and to try it would hold up everybody.
        return JSONResponse(told, headers={"content-encoding": "identity"}) if told["images"] else told

    async def write_draft(self, call: Call) -> object:
        """Keep the draft."""
        chat, images = await self._chat(call), read_images(call.body.get("images", ()))
        await chat.drafts.set_text(call.body["text"])
        if "images" in call.body:
            await chat.drafts.set_images(images)
        return None

    async def list_files(self, call: Call) -> object:
        """Return files of the chat's folder."""
        folder = Path((await self._chat(call)).meta.cwd or self._service.cwd)
        limit = min(call.query.get("limit", 20), 100)
        return {"files": await asyncio.to_thread(find_files, folder, call.query.get("q", ""), limit=limit)}

    async def list_commands(self, call: Call) -> object:
        """Return commands and skills."""
        return {"commands": [command.to_wire() for command in await (await self._chat(call)).commands()]}

    async def run_agui(self, call: Call) -> object:
        """Begin or go on with a run of AG-UI."""
        return await self._runs.start(RunInput.read(call.body), backend=None)

    async def run_agui_of(self, call: Call) -> object:
        """Begin or go on with a run of AG-UI with the agent of the path."""
        return await self._runs.start(RunInput.read(call.body), backend=call.path["backend"])

    # Inside

    def _folder(self, named: str) -> Path:
        return working_folder(named, self._service.cwd)

    def _trust(self, project: ProjectTrust | None) -> object:
        if project is None:  # It has gone meanwhile.
            return {"root": "", "trusted": False, "found": [], "can_trust": False}
        return {
            "root": short_path(str(project.trust.root)),
            "trusted": project.trust.trusted,
            "found": list(project.found),
            "can_trust": self._service.settings.can_change and not self._service.read_only,
        }

    async def _chat(self, call: Call) -> Chat:
        return await self._service.open(call.path["chat_id"])

    def _summary(self, meta: ChatMeta) -> dict[str, Any]:
        chat = self._service.opened(meta.id)
        if chat is None:
            return {**meta.to_wire(), "state": "closed", "waiting": 0 if self._service.read_only else meta.waiting}
        view = chat.view()
        return {**meta.to_wire(), "state": view["state"], "waiting": view["waiting"]}


def _exported(meta: ChatMeta, messages: list[StoredMessage], *, as_lines: bool, first: bool) -> list[str]:
    lines = list((as_ndjson if as_lines else as_markdown)(meta, messages))
    return lines if first else lines[1 if as_lines else 2 :]


def _refused(operation: Operation) -> Operation:
    """Return an operation that is not carried out, for nothing may be changed here."""

    @wraps(operation.work)
    async def refuse(call: Call) -> object:
        del call
        raise InvalidRequestError("Chats can only be read here.", code="read_only")

    return replace(operation, work=refuse)


def not_found() -> Response:
    """Return the answer to a path of the API that there is not."""
    from agent_chat.web.access import refusal

    return refusal(404, "not_found", "The API has no such path; /api/openapi.json lists what it has.")
