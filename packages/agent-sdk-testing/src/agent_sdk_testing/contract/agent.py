"""What a case needs to know of the agent it runs on: how to script it, how to start it, and what it can do.

The cases are written against `AgentBackend` and `AgentSession`; all that one agent calls by another name is here. To
check a backend, subclass `Agent`, or `ProcessAgent` if it starts processes, and name the class to pytest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, cast

import anyio

from agent_sdk_core import AgentBackend, AgentSession, PermissionMode, SessionOptions, SkillInput
from agent_sdk_core.asking.permissions import Escalation
from agent_sdk_core.factory.registry import load_backend
from agent_sdk_testing.contract.pipes import Feed, Lifeline
from agent_sdk_testing.contract.traits import Trait
from agent_sdk_testing.contract.watching import Recorder
from agent_sdk_testing.model import actions
from agent_sdk_testing.model.requests import ModelRequest
from agent_sdk_testing.model.script import http_error
from agent_sdk_testing.model.scripted_model import ScriptedModel
from agent_sdk_testing.model.steps import JsonValue, Step

Action = Literal[
    "read in cwd", "edit in cwd", "edit outside", "writing command", "escalated command", "network command"
]
"""What a permission mode decides about."""

Verdict = Literal["runs", "asks", "refused"]

Failure = Literal[
    "bad request",
    "unauthorized",
    "rate limit",
    "usage limit",
    "server error",
    "context window",
    "overloaded",
    "cut off",
    "disconnect",
]
"""A way in which a request to the model fails."""

HTTP_FAILURES: Final[Mapping[Failure, Step]] = MappingProxyType(
    {
        "bad request": http_error(400, "The request is wrong."),
        "unauthorized": http_error(401, "No such key."),
        "rate limit": http_error(429, "Slow down."),
        "server error": http_error(500, "It broke."),
    }
)
"""The failures that look alike whatever API the agent speaks."""

_CLOSING_SECONDS = 60.0


class Agent(ABC):
    """One agent, its scripted model, and folders of its own. Made anew for each case.

    Args:
        model: What the agent asks.
        folder: Empty, for the agent alone.

    Attributes:
        name: What the backend is called: `AgentBackend.type`.
        native_name: What its messages, errors and options call it, where that is another than `name`.
        traits: What it has beside what its backend declares.
        unsupported_options: The fields of `SessionOptions` that raise `UnsupportedOptionError` beside those that its
            backend declares.
        apart: The needs whose cases are not made for it, whether it has them or not, such as "hook"; it has cases of
            its own for them.
        modes: The permission modes that it has, and what each does about each action that it has a tool for.
        failures: How to make its model fail, in each way that it has a word for.
        other_models: Names of two models that it takes, neither of them its default.
        alternates: Whether a case runs on one of the two event loops, half of them on each, unless pytest is told
            ``--contract-loops both``: for an agent that takes long to start.
        seconds: The longest that a case may take.
        loops: The event loops that its backend runs on.
        escalates: What every permission lifts that it asks for in a workspace.
        tells_exit_codes: Whether its model is told the exit code of a command that failed.
        tells_branches: Whether it tells on which branch of git a stored session's folder was.
        titles_commands: Whether it tells of a command by a title alone, so that only a person can allow it.
        question_mode: The permission mode in which it asks the user questions.
        strict_answers: Whether it asks models for data in their provider's strict form, of each turn at no cost.
        cases: The files of cases that it runs, such as "test_speech"; empty: all. For the same agent in another way.
        differs: The cases that do not hold of it, by file and name ("test_speech.test_images_reach_the_model", or with
            its parameters in brackets), and why. They are run, and expected to fail: one that holds again fails.
        left_out: Likewise, of those that are not run because nothing but time or noise would come of it.
        workspace: The folder in which sessions work.
        outside: A folder beside it.
    """

    name: ClassVar[str]
    native_name: ClassVar[str] = ""
    traits: ClassVar[frozenset[Trait]] = frozenset()
    unsupported_options: ClassVar[frozenset[str]] = frozenset()
    apart: ClassVar[frozenset[str]] = frozenset()
    modes: ClassVar[Mapping[PermissionMode, Mapping[Action, Verdict]]]
    failures: ClassVar[Mapping[Failure, Step]] = HTTP_FAILURES
    other_models: ClassVar[tuple[str, str]]
    escalates: ClassVar[frozenset[Escalation]] = frozenset()
    alternates: ClassVar[bool] = False
    seconds: ClassVar[float] = 120.0
    loops: ClassVar[tuple[str, ...]] = ("asyncio", "trio")
    tells_exit_codes: ClassVar[bool] = True
    tells_branches: ClassVar[bool] = True
    titles_commands: ClassVar[bool] = False
    question_mode: ClassVar[PermissionMode] = "default"
    strict_answers: ClassVar[bool] = False
    cases: ClassVar[frozenset[str]] = frozenset()
    differs: ClassVar[Mapping[str, str]] = MappingProxyType({})
    left_out: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        self.model = model
        self.folder = folder
        self.workspace = folder / "workspace"
        self.outside = folder / "outside"
        self.workspace.mkdir()
        self.outside.mkdir()
        self.recorder = Recorder()
        self._pipes: list[Lifeline] = []
        self._feeds: list[Feed] = []
        self._backends: list[AgentBackend] = []

    @property
    def called(self) -> str:
        """What its messages, errors and options call it."""
        return self.native_name or self.name

    @classmethod
    def backend_class(cls) -> type[AgentBackend]:
        """Return the class of the backend; by default the one that is registered under `name`."""
        return load_backend(cls.name)

    def arguments(self) -> Mapping[str, Any]:
        """Return what the backend is made with, unless a case says otherwise."""
        return {}

    # Scripts: what the model says to make the agent do something

    @abstractmethod
    def command(self, cmd: str, *, escalate: bool = False, wait: float | None = None) -> Step:
        """A step that runs a shell command.

        Args:
            cmd: For ``sh``.
            escalate: Whether it has to be asked about in mode "default"; out of the sandbox, if there is one.
            wait: Seconds after which it goes on in the background, where the agent has that.
        """

    def patch(
        self,
        *,
        add: Mapping[str, str] | None = None,
        update: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        delete: Sequence[str] = (),
    ) -> Sequence[Step]:
        """The steps of one reply that edit files; trait ``edits``.

        Args:
            add: Whole contents, by name.
            update: Pairs of old and new lines, in order, by name; an agent that has to read first does it here.
            delete: Names; trait ``deletes``.
        """
        raise NotImplementedError(f"{type(self).__name__} declares a trait `edits` without a `patch`.")

    def asking(self, count: int) -> Sequence[Step]:
        """The steps of one reply whose tools ask for permission at the same time; trait ``parallel_requests``."""
        return [self.command(f"echo {number}", escalate=True) for number in range(count)]

    def structured(self, json: str) -> Sequence[Step]:
        """The steps of one reply that answers with a JSON value, where an output schema asks for one."""
        raise NotImplementedError(f"{type(self).__name__} supports `output_schema` without saying `structured`.")

    def application_tool(self, registry: str, name: str, /, **arguments: object) -> Step | actions.Action:
        """A step that calls a tool of the application; by default as `call_tool` finds it in the request."""
        return self.mcp_tool(registry, name, **arguments)

    def mcp_tool(self, server: str, name: str, /, **arguments: object) -> Step | actions.Action:
        """A step that calls a tool of an MCP server; by default as `call_tool` finds it in the request."""
        return actions.call_tool(f"mcp__{server}__{name}", cast("Mapping[str, JsonValue]", arguments))

    def question(self, text: str, *choices: str) -> Step | actions.Action:
        """A step that asks the user; trait ``questions``. By default `ask_user`."""
        return actions.ask_user(text, *choices)

    def plan(self, words: str) -> Sequence[Step | actions.Action]:
        """The replies, a step each, by which the model proposes a plan in mode "plan"; trait ``plans``."""
        raise NotImplementedError(f"{type(self).__name__} declares a trait `plans` without a `plan`.")

    def skill(self, name: str, words: str) -> SkillInput | None:
        """Teach the agent a skill with these words, before it starts, and return it; None if it takes no skills."""
        del name, words
        return None

    def stored(self, session_id: str) -> Path:
        """Return the file of a stored session; capability ``resume``, unless the agent says how to `forget` one."""
        raise NotImplementedError(f"{type(self).__name__} resumes sessions without saying where they are `stored`.")

    async def forget(self, backend: AgentBackend, session_id: str) -> None:
        """Have a stored session gone, as somebody does who removes its file; by default that of `stored`."""
        del backend
        self.stored(session_id).unlink()

    def project(self, words: str, marker: Path) -> None:
        """Give the workspace a project's settings: instructions with these words, and something that makes `marker`."""
        del words, marker
        raise NotImplementedError(f"{type(self).__name__} supports `setting_sources` without a `project`.")

    @property
    def user_settings(self) -> Mapping[Path, bytes]:
        """The user's own settings files, which sessions leave as they are."""
        return {}

    # What a request to the model says

    def model_of(self, request: ModelRequest) -> str | None:
        """Return the model that a request asks, as `SessionInfo.model` calls it."""
        return request.model

    def effort_of(self, request: ModelRequest) -> str | None:
        """Return the reasoning effort that a request asks for."""
        told = request.json.get("reasoning" if request.path == "/v1/responses" else "output_config")
        return cast("Mapping[str, str]", told or {}).get("effort")

    def schema_of(self, request: ModelRequest) -> object:
        """Return the JSON Schema that a request asks the answer to fit."""
        return request.json["text"]["format"]["schema"]

    def images_of(self, request: ModelRequest) -> int:
        """Return how many images a request carries."""
        return _count(request.json, {"input_image", "image", "image_url"})

    def documents_of(self, request: ModelRequest) -> int:
        """Return how many documents a request carries."""
        return _count(request.json, {"input_file", "document"})

    # Native words

    def native_model(self, name: str) -> Mapping[str, object]:
        """Return native options of a session that choose a model."""
        return {"model": name}

    # Backends and sessions

    def backend(self, **arguments: Any) -> AgentBackend:
        """Return a backend that is not started; whatever becomes of it, it is closed when the case ends."""
        make: Any = self.backend_class()
        backend: AgentBackend = make(**{**self.arguments(), **arguments})
        self._backends.append(backend)
        return backend

    async def open(self, backend: AgentBackend, **options: Any) -> AgentSession:
        """Open a session in the workspace, and record all that it tells."""
        session = await backend.create_session(SessionOptions.model_validate({"cwd": self.workspace, **options}))
        self.recorder.record(session)
        return session

    @asynccontextmanager
    async def session(self, **options: Any) -> AsyncGenerator[AgentSession]:
        """A session on a backend of its own."""
        async with self.backend() as backend, await self.open(backend, **options) as session:
            yield session

    # Files and pipes

    def write(self, name: str, content: str) -> Path:
        """Write a file in the workspace."""
        path = self.workspace / name
        path.write_text(content)
        return path

    def read(self, name: str) -> str:
        """Return what a file in the workspace holds."""
        return (self.workspace / name).read_text()

    def exists(self, name: str) -> bool:
        """Tell whether the workspace has a file."""
        return (self.workspace / name).exists()

    def pipe(self, name: str) -> Lifeline:
        """Return a pipe that a command holds open with ``exec 8>PATH``."""
        pipe = Lifeline(self.folder / f"{name}.pipe")
        self._pipes.append(pipe)
        return pipe

    def feed(self, name: str) -> Feed:
        """Return a pipe that a command reads lines from."""
        feed = Feed(self.folder / f"{name}.feed")
        self._feeds.append(feed)
        return feed

    # The end of a case

    async def finish(self) -> None:
        """Close what is open, and check what holds at the end of every case: nothing is left, no rule was broken."""
        with anyio.fail_after(_CLOSING_SECONDS):
            for backend in self._backends:
                await backend.aclose()
            await self.closed()
            await self.recorder.check()

    async def closed(self) -> None:
        """Check that the agent is gone, once its backends are closed."""
        return

    def close(self) -> None:
        """Let go of the pipes; nothing can be done with the agent afterwards."""
        for pipe in (*self._pipes, *self._feeds):
            pipe.close()


def _count(value: object, types: set[str]) -> int:
    """Count the objects of these types in a JSON value."""
    if isinstance(value, dict):
        members = cast("Mapping[str, object]", value)
        return (members.get("type") in types) + sum(_count(inner, types) for inner in members.values())
    if isinstance(value, list):
        return sum(_count(entry, types) for entry in cast("Sequence[object]", value))
    return 0
