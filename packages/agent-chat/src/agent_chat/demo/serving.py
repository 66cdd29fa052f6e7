"""The demo as it is served: each agent that is there with a scripted model, for as many chats and prompts as wanted."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agent_chat import settings
from agent_chat.demo import script
from agent_chat.demo.agents import AGENTS, DemoAgent
from agent_chat.demo.stage import room
from agent_sdk_core.errors import ExecutableNotFoundError
from agent_sdk_core.interfaces.backend import AgentBackend

if TYPE_CHECKING:
    from agent_sdk_testing import ModelRequest, ScriptedModel
    from agent_sdk_testing import Step as ModelStep


@dataclass(frozen=True, slots=True)
class DemoHouse:
    """The agents of the demo, ready to be served.

    Attributes:
        project: The folder that they work in.
        backends: Their names.
        missing: A sentence about each that is not there.
    """

    project: Path
    backends: tuple[str, ...]
    missing: tuple[str, ...]
    _environments: Mapping[str, tuple[Path, dict[str, str]]]

    def make_backend(self, name: str) -> AgentBackend:
        """Return the backend of an agent, which asks its scripted model; not yet started."""
        executable, env = self._environments[name]
        return settings.open_backend(name, executable=str(executable), env=env)


@contextmanager
def open_house() -> Generator[DemoHouse]:
    """Set the demo up in a folder of its own, and leave nothing behind.

    Raises:
        ExecutableNotFoundError: No agent is installed.
    """
    from agent_sdk_testing import ScriptedModel, scratch_folder

    environments: dict[str, tuple[Path, dict[str, str]]] = {}
    missing: list[str] = []
    with room(), ExitStack() as stack:
        folder = stack.enter_context(scratch_folder(prefix="demo-"))
        project = folder / "project"
        script.write_project(project)
        for agent in AGENTS:
            try:
                executable = agent.find()
            except FileNotFoundError as error:
                missing.append(f"{agent.name} is not shown. {error}")
                continue
            model = stack.enter_context(ScriptedModel())
            answer_everything(model, agent, project)
            environments[agent.name] = (executable, agent.environment(folder / agent.name, model))
        if not environments:
            raise ExecutableNotFoundError(f"There is nothing to show: {' '.join(missing)}")
        yield DemoHouse(project, tuple(environments), tuple(missing), environments)


def answer_everything(model: ScriptedModel, agent: DemoAgent, project: Path) -> None:
    """Tell the model what to say to any prompt: the steps of the demo, from the first, whatever was asked."""

    def restored(_: ModelRequest) -> list[ModelStep]:
        script.restore_project(project)
        return []

    first, *others = script.scenes(agent, project)
    last = len(others)
    for number, (steps, usage) in enumerate([((restored, *first[0]), first[1]), *others]):
        model.when(partial(_is_scene, number, last)).reply(*steps, usage=usage)


def _is_scene(number: int, last: int, request: ModelRequest) -> bool:
    return min(answers_since_prompt(request.json), last) == number


def answers_since_prompt(body: Mapping[str, Any]) -> int:
    """Return how often the model has answered the newest prompt of a request, in the words of either provider."""
    count = 0
    entries = cast("list[Mapping[str, Any]]", body.get("messages") or body.get("input") or [])
    calls: set[object] = set()
    for entry in reversed(entries):
        kind, role = entry.get("type", "message"), entry.get("role")
        if role == "user" and _is_prompt(entry):
            break
        if role == "assistant" and "messages" in body:
            count += 1
        elif str(kind).endswith("_call"):
            calls.add(entry.get("call_id"))
    return count if "messages" in body else len(calls)


def _is_prompt(entry: Mapping[str, Any]) -> bool:
    content = entry.get("content")
    if isinstance(content, str):
        return not content.lstrip().startswith("<")
    blocks = cast("list[Mapping[str, Any]]", content or [])
    if any(block.get("type") == "tool_result" for block in blocks):
        return False
    return any(not str(block.get("text", "<")).lstrip().startswith("<") for block in blocks)
