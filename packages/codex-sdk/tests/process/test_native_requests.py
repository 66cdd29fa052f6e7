"""`backend.request`: what goes on the wire, what comes back, and what a type checker makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent_sdk_core.errors import InvalidRequestError, ProtocolError, SessionNotFoundError
from agent_sdk_testing import FakeCodex
from codex_sdk import CodexBackend
from codex_sdk.protocol import (
    ApiKeyLoginAccountParams,
    ApiKeyLoginAccountResponse,
    CollaborationModeListResponse,
    ConfigRequirementsReadResponse,
    LogoutAccountResponse,
    ModelListParams,
    ModelListResponse,
    TextUserInput,
    ThreadReadParams,
    ThreadReadResponse,
    ThreadStartParams,
    ThreadStartResponse,
    TurnStartParams,
    UserInput,
)
from codex_sdk.protocol.methods import CLIENT_REQUESTS

ON_BOTH = pytest.mark.anyio

CALLS = """\
# pyright: strict
from codex_sdk import CodexBackend
from codex_sdk.protocol import ApiKeyLoginAccountParams, ModelListParams, ThreadStartParams

async def right(backend: CodexBackend, method: str) -> None:
    reveal_type(await backend.request("model/list", {}))  # ModelListResponse
    reveal_type(await backend.request("model/list"))  # ModelListResponse
    reveal_type(await backend.request("memory/reset", timeout=5))  # MemoryResetResponse
    reveal_type(await backend.request("thread/start", ThreadStartParams(cwd="/")))  # ThreadStartResponse
    reveal_type((await backend.request("turn/start", {"threadId": "t", "input": []})).turn.id)  # str
    reveal_type(await backend.request("config/value/write", {}))  # ConfigWriteResponse
    await backend.request("account/login/start", ApiKeyLoginAccountParams(type="apiKey", api_key="-"))
    reveal_type(await backend.request(method, {}))  # object
    reveal_type(await backend.request("of/another/codex", None))  # object

async def wrong(backend: CodexBackend) -> None:
    await backend.request("thread/start", ModelListParams())  # error
    await backend.request("turn/start")  # error
    await backend.request("turn/start", None)
    await backend.request("model/list", ["a"])  # error
    await backend.request("of/another/codex", ModelListParams())  # error
    print((await backend.request("model/list")).models)  # error
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What pyright says about `CALLS`."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "calls.py").write_text(CALLS)
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "calls.py"],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return json.loads(done.stdout)["generalDiagnostics"]


def lines(mark: Callable[[str], bool]) -> set[int]:
    return {number for number, line in enumerate(CALLS.splitlines()) if mark(line)}


class TestTypes:
    def test_each_call_has_the_type_of_its_method(self, checked: list[dict[str, Any]]) -> None:
        told = {
            found["range"]["start"]["line"]: found["message"].rpartition(" is ")[2].strip('"')
            for found in checked
            if found["severity"] == "information"
        }
        revealing = lines(lambda line: "reveal_type" in line)
        assert told == {number: CALLS.splitlines()[number].rpartition("# ")[2] for number in revealing}

    def test_only_wrong_calls_are_errors(self, checked: list[dict[str, Any]]) -> None:
        errors = {found["range"]["start"]["line"] for found in checked if found["severity"] == "error"}
        assert errors == lines(lambda line: line.endswith("# error"))

    def test_every_client_method_has_an_overload(self) -> None:
        stub = Path(sys.modules[CodexBackend.__mro__[1].__module__].__file__ or "").with_suffix(".pyi").read_text()
        assert [method for method in CLIENT_REQUESTS if f'Literal["{method}"]' not in stub] == []
        assert stub.count("Literal[") == len(CLIENT_REQUESTS)


@ON_BOTH
class TestParams:
    @pytest.mark.parametrize(
        ("params", "wire"),
        [
            (None, {}),
            ({"modelProviders": ["a"], "new": 1}, {"modelProviders": ["a"], "new": 1}),
            (ThreadStartParams(cwd="/", config=None), {"cwd": "/", "config": None}),
            (ThreadStartParams.model_validate({"service_tier": "fast", "new": 1}), {"serviceTier": "fast", "new": 1}),
        ],
    )
    async def test_only_what_is_set_is_sent_as_the_wire_spells_it(
        self, fake: FakeCodex, backend: CodexBackend, params: Any, wire: dict[str, object]
    ) -> None:
        with anyio.fail_after(30):
            await backend.request("thread/start", params)
            assert (await fake.request("thread/start")).params == wire

    async def test_models_within_models_are_sent_whole(self, fake: FakeCodex, backend: CodexBackend) -> None:
        prompt: list[UserInput] = [TextUserInput(type="text", text="Hi")]
        with anyio.fail_after(30):
            started = await backend.request("thread/start")
            await backend.request("turn/start", TurnStartParams(thread_id=started.thread.id, input=prompt))
            assert (await fake.request("turn/start")).params == {
                "threadId": started.thread.id,
                "input": [{"type": "text", "text": "Hi"}],
            }


@ON_BOTH
class TestResults:
    async def test_an_answer_is_the_model_and_keeps_what_is_new(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.on("model/list", lambda request: request.answer({"data": [], "more": {"a": 1}}))
            models = await backend.request("model/list", ModelListParams(limit=1))
            assert isinstance(models, ModelListResponse)
            assert models.model_extra == {"more": {"a": 1}}

    async def test_an_answer_that_is_one_of_several_models_is_that_one(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            fake.on("account/login/start", lambda request: request.answer({"type": "apiKey"}))
            params = ApiKeyLoginAccountParams(type="apiKey", api_key="-")
            assert isinstance(await backend.request("account/login/start", params), ApiKeyLoginAccountResponse)

    async def test_an_answer_to_an_unknown_method_is_as_it_came(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.on("of/another/codex", lambda request: request.answer([1, None]))
            assert await backend.request("of/another/codex", None) == [1, None]

    async def test_an_answer_that_does_not_fit_is_an_error_that_holds_it(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            fake.on("model/list", lambda request: request.answer({"data": [{"id": 7}]}))
            with pytest.raises(
                ProtocolError, match=r"model/list does not fit ModelListResponse: data\.0\.\w+: "
            ) as caught:
                await backend.request("model/list")
            assert caught.value.backend == "codex"
            assert caught.value.details["result"] == {"data": [{"id": 7}]}

    async def test_an_answer_that_is_no_object_is_an_error(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.on("account/logout", lambda request: request.answer("done"))
            with pytest.raises(ProtocolError, match="LogoutAccountResponse: all of it: "):
                await backend.request("account/logout")

    async def test_a_refusal_names_the_session_that_a_model_names(self, fake: FakeCodex, backend: CodexBackend) -> None:
        with anyio.fail_after(30):
            fake.on("thread/read", lambda request: request.refuse("thread not loaded: gone"))
            with pytest.raises(SessionNotFoundError, match="gone"):
                await backend.request("thread/read", ThreadReadParams(thread_id="gone"))

    async def test_what_the_sdk_asks_for_itself_needs_no_fitting_answer(
        self, fake: FakeCodex, backend: CodexBackend
    ) -> None:
        with anyio.fail_after(30):
            fake.on("thread/name/set", lambda request: request.answer("renamed"))
            await backend.rename_session("stored", "A name")


@ON_BOTH
async def test_the_real_codex_answers_in_types(
    codex_env: dict[str, str], codex_executable: Path, agent_workspace: Path, anyio_backend: object
) -> None:
    del anyio_backend
    with anyio.fail_after(60):
        async with CodexBackend(executable=codex_executable, env=codex_env) as backend:
            assert isinstance(await backend.request("model/list"), ModelListResponse)
            started = await backend.request("thread/start", ThreadStartParams(cwd=str(agent_workspace)))
            assert isinstance(started, ThreadStartResponse)
            assert started.cwd == str(agent_workspace)
            read = await backend.request("thread/read", {"threadId": started.thread.id})
            assert isinstance(read, ThreadReadResponse)
            assert read.thread.id == started.thread.id
            assert isinstance(await backend.request("collaborationMode/list"), CollaborationModeListResponse)
            assert isinstance(await backend.request("configRequirements/read"), ConfigRequirementsReadResponse)
            assert isinstance(await backend.request("account/logout", {}), LogoutAccountResponse)
            with pytest.raises(InvalidRequestError, match="of/another/codex"):
                await backend.request("of/another/codex", {})


def test_the_import_loads_no_model() -> None:
    code = (
        "import sys, codex_sdk.process.native_requests\n"
        "print([n for n in sys.modules if n.startswith('codex_sdk.protocol.') or n.split('.')[0] == 'pydantic'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "['codex_sdk.protocol.methods']\n"
