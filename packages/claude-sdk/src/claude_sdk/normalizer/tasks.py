"""Tasks: work that goes on beside the thread that started it, a sub-agent or a background command. Pure."""

from __future__ import annotations

from dataclasses import replace

from agent_sdk_core.interfaces.session import BackgroundTask
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import TaskNotification
from agent_sdk_core.records import dataclass
from agent_sdk_core.wire.reading import Json, filled_text, record_of


@dataclass(frozen=True, slots=True)
class _Task:
    tool_use_id: str | None
    about: str
    in_background: bool


class Tasks:
    """The tasks of one session that run, by id."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Task] = {}

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._tasks

    def tool_use_of(self, task_id: str | None) -> str | None:
        """Return the tool use that started a task."""
        task = self._tasks.get(task_id or "")
        return None if task is None else task.tool_use_id

    def in_background(self, cwd: str | None) -> list[BackgroundTask]:
        """Return those that go on beside the conversation, in the folder `cwd`."""
        tasks = self._tasks.items()
        return [BackgroundTask(task_id, task.about, cwd=cwd) for task_id, task in tasks if task.in_background]

    def start(self, frame: Json, command: str | None) -> None:
        """Take `task_started`; `command` is what its tool use runs, if it runs one."""
        if (task_id := filled_text(frame.get("task_id"))) is not None:
            about = command or filled_text(frame.get("description")) or ""
            in_background = frame.get("is_backgrounded") is True
            self._tasks[task_id] = _Task(filled_text(frame.get("tool_use_id")), about, in_background)

    def update(self, frame: Json) -> None:
        """Take `task_updated`: a task that its turn waited for goes on without it."""
        task_id = filled_text(frame.get("task_id")) or ""
        if (
            record_of(frame.get("patch")).get("is_backgrounded") is True
            and (task := self._tasks.get(task_id)) is not None
        ):
            self._tasks[task_id] = replace(task, in_background=True)

    def end(self, task_id: str | None) -> str | None:
        """Note that a task ended, and return the tool use that started it."""
        task = self._tasks.pop(task_id or "", None)
        return None if task is None else task.tool_use_id

    def end_all(self, why: str, source: Source, session_id: str) -> list[SDKMessage]:
        """Return the ends of all that run, because nothing runs any more."""
        tasks, self._tasks = self._tasks, {}
        return [
            TaskNotification.synthesize(
                source,
                session_id=session_id,
                task_id=task_id,
                tool_use_id=task.tool_use_id,
                status="stopped",
                summary=why,
            )
            for task_id, task in tasks.items()
        ]
