"""One running claude: started, greeted and checked. Each session has one of its own."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Final

import anyio

from agent_sdk_core.errors import (
    AgentError,
    HandshakeError,
    InvalidRequestError,
    ProcessExitedError,
    ProtocolError,
    RequestTimeoutError,
    StartupTimeoutError,
)
from agent_sdk_core.rpc.connection import LineConnection
from agent_sdk_core.rpc.correlation import Tap
from agent_sdk_core.rpc.receiver import JsonObject, Receiver
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.transport.process.child import ChildProcess
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.transport.process.stderr import silent_start
from agent_sdk_core.wire.reading import Json, filled_text, texts_of
from claude_sdk.process.control_peer import ControlPeer
from claude_sdk.process.errors import startup_error
from claude_sdk.process.executable import UNTOLD_VERSION, VERSIONS, check_version
from claude_sdk.process.launching import Launch, meant_by

_GOODBYE_SECONDS: Final = 0.5


class ClaudeProcess:
    """A claude process, and the conversation with it.

    Attributes:
        channel: The process.
        peer: The control protocol with it.
        greeting: Its answer to `initialize`.
        warning: What to tell about its version, if anything.
    """

    def __init__(self, channel: ChildProcess, peer: ControlPeer) -> None:
        self.channel = channel
        self.peer = peer
        self.greeting: Json = {}
        self.warning: str | None = None
        self._reason = ""

    @property
    def version(self) -> str | None:
        """Its version, once it has greeted."""
        return filled_text(self.greeting.get("claude_code_version"))

    @classmethod
    async def spawn(
        cls,
        executable: Path,
        launch: Launch,
        *,
        host: Host,
        receiver: Receiver,
        tap: Tap | None = None,
    ) -> ClaudeProcess:
        """Start a process and its reader; `greet` does the rest.

        Args:
            executable: The claude executable.
            launch: How to start it.
            host: Runs the reader.
            receiver: Is told what it sends.
            tap: Sees each frame in both directions.

        Raises:
            AgentError: It cannot be started.
        """
        child = await ChildProcess.spawn(
            [str(executable), *launch.arguments],
            env=launch.env,
            cwd=launch.cwd,
            # Claude works on after the end of its input, tools and all: it has to be told when we die.
            parent_death_signal=signal.SIGTERM,
            name="claude",
            on_stderr_line=lambda line: host.call_soon_threadsafe(receiver.on_log_line, line),
        )
        process = cls(child, ControlPeer(child.write, receiver, tap=tap))
        process.peer.on_message = process.take_first
        host.start_soon(LineConnection(child, process.peer).run)
        return process

    async def greet(self, executable: Path, launch: Launch, *, timeout: float) -> None:
        """Shake hands; requests of claude's are served meanwhile, for MCP servers start first.

        Raises:
            AgentError: It ended, refused, or is too old; the message says why.
        """
        try:
            self.greeting = await self.peer.request("initialize", launch.initialize, timeout=timeout)
            self.peer.on_message = self.peer.receiver.on_message
        except RequestTimeoutError as error:
            raise StartupTimeoutError(
                silent_start(executable, timeout, tail := self.channel.stderr_tail(), "--version"),
                backend="claude",
                details={"stderr": tail},
            ) from error
        except ProcessExitedError as error:
            resumed = launch.session_id if launch.stored else None
            raise startup_error(error, self._reason, resumed, launch.flags) from error
        except ProtocolError as error:
            raise HandshakeError(f"{executable} refused the handshake: {error.message}", backend="claude") from error
        found = parse_version(self.version or "")
        if found is None and "commands" in self.greeting:
            found = UNTOLD_VERSION
        if found is None:
            raise HandshakeError(
                f"{executable} did not introduce itself as claude: its greeting has no version.", backend="claude"
            )
        self.warning = check_version(found, executable)
        if told := [f"SessionOptions.native[{name!r}]{meant_by(name)}" for name in launch.unknown]:
            if not VERSIONS.is_newer(found):
                raise InvalidRequestError(
                    f"claude knows no field {' '.join(told)} It belongs to `initialize`; a flag stands in "
                    'native={"flags": {…}}.',
                    backend="claude",
                    details={"option": "native"},
                )
            self.warning = f"This SDK does not know, and passes on: {' '.join(told)} {self.warning or ''}".rstrip()

    def take_first(self, kind: str, frame: Json, raw: JsonObject) -> None:
        """Take a frame before the greeting: a result is the reason why there will be none."""
        if kind == "result":
            self._reason = "; ".join(texts_of(frame.get("errors"))) or filled_text(frame.get("result")) or ""
        self.peer.receiver.on_message(kind, frame, raw)

    async def say_goodbye(self) -> bool:
        """Ask the process to end now, and return whether it answered; bounded, never raises.

        Without it, claude finishes its background work first.
        """
        with anyio.move_on_after(_GOODBYE_SECONDS):
            try:
                await self.peer.request("end_session", timeout=_GOODBYE_SECONDS, counted=False)
            except AgentError:
                return False
            return True
        return False
