"""The API against its OpenAPI document: what fits it is answered as it says, what does not is refused, nothing fails.

The cases are made of the document, the same in every run.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.e2e.serving import Server

from agent_chat.chats.chat import Chat
from agent_chat.chats.service import ChatService
from agent_chat.chats.settings import ChatSettings
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.web import access
from agent_chat.web.api import Api
from agent_chat.web.operations import openapi
from agent_sdk_core import RuntimeConfig
from agent_sdk_testing import MemoryBackend, text

EXAMPLES = 12
"""Cases of each operation that fit the document, and as many that do not."""

CHAT, WAITING = "a-chat", "0b6e5ad9-6a4b-4a40-9b39-7bd3f0a3f6cf"


def document() -> dict[str, Any]:
    """Return the document, where paths name a chat that there is or one that there is not."""
    service = ChatService(config=RuntimeConfig(), store=MemoryStore(), backends=("memory",), cwd=".")
    told = copy.deepcopy(openapi(Api(service).operations))
    names = {"chat_id": [CHAT, "nothing"], "backend": ["memory", "nobody"], "uuid": [WAITING], "request_id": [WAITING]}
    for path in told["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    parameter["schema"] = {"enum": names[parameter["name"]]}
    return told


DOCUMENT = document()
SCHEMA: Any = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: dict[str, Any] = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("project")
    agent = MemoryBackend().otherwise(text("ok"))

    def make() -> ChatService:
        return ChatService(
            config=RuntimeConfig(),
            store=MemoryStore(),
            make_backend={"memory": agent}.__getitem__,
            backends=("memory",),
            cwd=folder,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "BURST", float("inf"))
        patch.setattr(access, "REQUESTS_PER_SECOND", float("inf"))
        serving = Server(make)
        serving.start()
        yield serving
        serving.stop()


async def prepare(service: ChatService) -> Chat:
    """Have the chat that the cases name, whatever the one before has done to it."""
    if service.opened(CHAT) is None:
        return await service.create(ChatSettings(title="A chat"), chat_id=CHAT)
    return await service.open(CHAT)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fits", "does not fit"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_operation_does_as_the_document_says(server: Server, label: str, mode: GenerationMode) -> None:
    token = server.access.token()
    session = requests.Session()
    session.trust_env = False

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.large_base_example,
        ],
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        case: Any = data.draw(OPERATIONS[label].as_strategy(generation_mode=mode))
        server.call(prepare)
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(base_url=server.base, session=session, headers=headers, timeout=30)
        case.validate_response(answer, headers=headers, excluded_checks=[positive_data_acceptance])
        if mode is GenerationMode.POSITIVE and answer.status_code >= 400:
            # What the document has no words for, such as a cursor or a chat that works, is refused for its meaning.
            assert answer.json()["error"]["code"] not in ("invalid_body", "invalid_query", "unsupported_media_type")

    run()
