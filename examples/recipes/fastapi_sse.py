"""Chats over HTTP: the messages of a prompt come as server-sent events, approvals are answered by another request.

uvicorn fastapi_sse:app
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

import agent_sdk_core as sdk

OPTIONS = sdk.SessionOptions(can_use_tool=sdk.DEFER, request_timeout=300)
backend = sdk.create_backend()
chats: dict[str, sdk.AgentSession] = {}


class Prompt(BaseModel):
    text: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    async with backend:  # one for the whole server; closes its sessions
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/chats")
async def create() -> dict[str, str]:
    session = await backend.create_session(OPTIONS)
    chats[session.session_id] = session
    return {"id": session.session_id}


@app.post("/chats/{chat}/messages")
async def send(chat: str, prompt: Prompt) -> StreamingResponse:
    turn = find(chat).query(prompt.text)

    async def events() -> AsyncIterator[str]:
        async with turn:  # a client that goes away interrupts its turn
            async for message in turn:
                yield f"event: {message.type}\ndata: {message.to_json()}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/chats/{chat}/answers/{request_id}")
async def answer(chat: str, request_id: str, body: dict[str, object]) -> None:
    await find(chat).answer(request_id, sdk.answer_from_wire(body))


@app.delete("/chats/{chat}")
async def close(chat: str) -> None:
    await find(chat).aclose()
    del chats[chat]


@app.exception_handler(sdk.AgentError)
async def refused(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409)


def find(chat: str) -> sdk.AgentSession:
    if chat not in chats:
        raise HTTPException(404, "There is no such chat.")
    return chats[chat]
