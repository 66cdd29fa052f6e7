"""The least that one has to know of an agent to talk with it: a line at a time, a JSON parser, no more."""

from __future__ import annotations

import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

Json = dict[str, Any]


class Pipe(ABC):
    """An agent at the end of two pipes.

    Args:
        argv: Its command.
        parse: Reads a line.
        cwd: Folder that it works in.
        env: Its environment; absent: this process's.
    """

    def __init__(
        self, argv: Sequence[str], parse: Callable[[bytes], Any], cwd: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.cwd = cwd
        self._parse = parse
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=cwd, env=env
        )

    @abstractmethod
    def greet(self) -> None:
        """Shake hands."""

    @abstractmethod
    def open(self) -> bool:
        """Open a session; False where the handshake has."""

    @abstractmethod
    def turn(self, prompt: str) -> Iterator[Json]:
        """Send a prompt, and yield everything up to the end of its turn."""

    @abstractmethod
    def stop(self) -> None:
        """Ask for the end of the running turn."""

    @abstractmethod
    def begins(self, message: Json) -> bool:
        """Tell whether a message is about a turn."""

    @abstractmethod
    def delta(self, message: Json) -> str:
        """Return the text of a delta, nothing for what is none."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, message: Json) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(message).encode() + b"\n")
        stdin.flush()

    def messages(self) -> Iterator[Json]:
        parse, stdout = self._parse, self._process.stdout
        assert stdout is not None
        for line in stdout:
            yield parse(line)

    def close(self, *, terminate: bool = False) -> None:
        """End its input, or itself, and wait until it is gone."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        if terminate:
            self._process.terminate()
        stdin.close()
        self._process.wait(timeout=10)
        stdout.close()


class CodexPipe(Pipe):
    """A `codex app-server`."""

    def __init__(self, executable: str, parse: Callable[[bytes], Any], cwd: str) -> None:
        super().__init__([executable, "app-server"], parse, cwd)
        self._ids = 0
        self._thread_id = ""
        self._turn_id = ""

    def greet(self) -> None:
        client = {"name": "benchmark", "title": "benchmark", "version": "0"}
        self._call("initialize", {"clientInfo": client, "capabilities": {"experimentalApi": True}})
        self.send({"method": "initialized"})

    def open(self) -> bool:
        self._thread_id = self.open_thread()
        return True

    def open_thread(self) -> str:
        """Open a thread beside others and return its id."""
        return cast("str", self._call("thread/start", {"cwd": self.cwd})["thread"]["id"])

    def ask_for_thread(self, thread_id: str | None = None) -> int:
        """Ask for a thread, a new one or one that is stored, and return the id of the request."""
        if thread_id is None:
            return self._ask("thread/start", {"cwd": self.cwd})
        return self._ask("thread/resume", {"threadId": thread_id, "cwd": self.cwd})

    def begin_turn(self, thread_id: str, prompt: str) -> None:
        """Send a prompt to a thread."""
        self._ask("turn/start", {"threadId": thread_id, "input": [{"type": "text", "text": prompt}]})

    def interrupt(self, thread_id: str, turn_id: str) -> None:
        """Ask for the end of a turn."""
        self._ask("turn/interrupt", {"threadId": thread_id, "turnId": turn_id})

    def turn(self, prompt: str) -> Iterator[Json]:
        self.begin_turn(self._thread_id, prompt)
        for message in self.messages():
            if message.get("method") == "turn/started":
                self._turn_id = message["params"]["turn"]["id"]
            yield message
            if message.get("method") == "turn/completed":
                return

    def stop(self) -> None:
        self.interrupt(self._thread_id, self._turn_id)

    def begins(self, message: Json) -> bool:
        return str(message.get("method")).startswith(("turn/", "item/"))

    def delta(self, message: Json) -> str:
        if message.get("method") != "item/agentMessage/delta":
            return ""
        return cast("str", message["params"]["delta"])

    def _ask(self, method: str, params: Json) -> int:
        self._ids += 1
        self.send({"id": self._ids, "method": method, "params": params})
        return self._ids

    def _call(self, method: str, params: Json) -> Json:
        number = self._ask(method, params)
        return next(message for message in self.messages() if message.get("id") == number)["result"]


CLAUDE_FLAGS: Final = (
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    "--permission-prompt-tool=stdio",
    "--include-partial-messages",
    "--setting-sources=user",
)


class ClaudePipe(Pipe):
    """A `claude` that speaks stream-json.

    Attributes:
        greeting: Its answer to `initialize`.
    """

    def __init__(
        self, executable: str, parse: Callable[[bytes], Any], cwd: str, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__([executable, *CLAUDE_FLAGS], parse, cwd, env)
        self.greeting: Json = {}

    def greet(self) -> None:
        self.send({"type": "control_request", "request_id": "1", "request": {"subtype": "initialize"}})
        answer = next(message for message in self.messages() if message.get("type") == "control_response")
        self.greeting = answer["response"]["response"]

    def open(self) -> bool:
        return False

    def turn(self, prompt: str, uuid: str | None = None) -> Iterator[Json]:
        frame: Json = {"type": "user", "message": {"role": "user", "content": prompt}, "parent_tool_use_id": None}
        self.send(frame if uuid is None else {**frame, "uuid": uuid})
        for message in self.messages():
            yield message
            if message.get("type") == "result":
                return

    def stop(self) -> None:
        self.send({"type": "control_request", "request_id": "stop", "request": {"subtype": "interrupt"}})

    def begins(self, message: Json) -> bool:
        return True

    def delta(self, message: Json) -> str:
        if message.get("type") != "stream_event" or message["event"]["type"] != "content_block_delta":
            return ""
        return cast("str", message["event"]["delta"].get("text", ""))
