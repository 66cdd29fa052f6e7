"""What there is to know of an installed codex before it is used: starts an app-server, and asks it who is logged in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, cast

import anyio
from anyio import to_thread

from agent_sdk_core.errors import AgentError, ProtocolError, UnsupportedVersionError
from agent_sdk_core.interfaces.diagnosis import Diagnosis, Problem, ProtocolDrift, located
from agent_sdk_core.rpc.receiver import Receiver
from agent_sdk_core.runtime.link import look_through
from agent_sdk_core.secret import Secret
from agent_sdk_core.transport.process.executable import parse_version
from agent_sdk_core.transport.websocket.address import WebSocketAddress
from agent_sdk_core.wire.reading import Json, record_of
from codex_sdk.process.app_server import AppServer, unstorable
from codex_sdk.process.errors import translate
from codex_sdk.process.executable import PATH_VARIABLE, check_version, find_executable, tested_versions
from codex_sdk.process.link import AppServerLink

_LOGINS: Final = {
    "apiKey": "API key, stored by codex",
    "chatgpt": "ChatGPT account",
    "amazonBedrock": "Amazon Bedrock",
}
_WORST: Final = 3


async def diagnose(
    executable: str | os.PathLike[str] | None, env: Mapping[str, str], *, timeout: float, arguments: Sequence[str] = ()
) -> Diagnosis:
    """Look at the codex that a backend with these arguments would start; what is wrong is part of the answer.

    Args:
        executable: What the caller of the backend named.
        env: The whole environment of the app-server.
        timeout: Seconds that it has to start and answer.
        arguments: Further ones of its command line.
    """
    try:
        path = find_executable(executable, env)
    except AgentError as error:
        return located("codex", None, error, named=bool(executable or env.get(PATH_VARIABLE)))
    found = _Findings(path, env, timeout, arguments)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(found.start)
        tasks.start_soon(found.compare)
    return found.diagnosis()


async def diagnose_remote(address: WebSocketAddress, token: Secret | None, *, timeout: float) -> Diagnosis:
    """Look at an app-server that somebody else started; what is wrong is part of the answer.

    Args:
        address: Where it listens.
        token: The capability token that it wants, if any.
        timeout: Seconds that it has to answer.
    """
    found = _Findings(address.url, {}, timeout, ())
    await found.start(address, token)
    return found.diagnosis()


def login_words(answer: Json) -> tuple[str, bool]:
    """Return who is logged in, in words, and whether that is enough, from the answer to `account/read`."""
    account = answer.get("account")
    if isinstance(account, dict):
        fields = cast("Json", account)
        kind, plan = str(fields.get("type")), fields.get("planType")
        known = isinstance(plan, str) and plan != "unknown"
        return f"{_LOGINS.get(kind, kind)}{f', {plan} plan' if known else ''}", True
    if answer.get("requiresOpenaiAuth") is False:
        return "none needed: the configured model provider has its own", True
    return "not logged in", False


class _Findings:
    """What was found out so far, by two tasks."""

    def __init__(self, path: Path | str, env: Mapping[str, str], timeout: float, arguments: Sequence[str]) -> None:
        self._path = path
        self._env = env
        self._timeout = timeout
        self._arguments = arguments
        self._version: str | None = None
        self._login: tuple[str, bool | None] = ("", None)
        self._drift: ProtocolDrift | None = None
        self._incomparable = ""
        self._problems: dict[str, Problem] = {}

    async def start(self, address: WebSocketAddress | None = None, token: Secret | None = None) -> None:
        """Start an app-server, or reach one, which reads the configuration, and ask it for the account."""
        make = partial(
            AppServerLink,
            receiver=Receiver(),
            executable=self._path,
            env=self._env,
            address=address,
            token=token,
            seconds=self._timeout,
            arguments=self._arguments,
        )
        try:
            await look_through(make, "the look at codex", self._look, backend="codex")
        except AgentError as error:
            if isinstance(version := error.details.get("version"), str):
                self._version = version
            by_hand = f"Try `{self._command('app-server')}` by hand." if address is None else "Look at its log."
            self._add(Problem.of(error, advice=by_hand))
        if self._login[1] is False:
            advice = f"Log in with `{self._command('login')}`." if address is None else "Log in where it runs."
            self._add(Problem("Codex is not logged in.", advice, code="not_logged_in"))

    async def _look(self, server: AppServer) -> None:
        self._version = server.version
        if isinstance(self._path, Path) and (reason := await to_thread.run_sync(unstorable, server.home)) is not None:
            what = f"Codex cannot store sessions in {server.home}, and goes on without: {reason}."
            advice = "Make it a folder that can be written to, or set CODEX_HOME to one."
            self._add(Problem(what, advice, "warning", "storage_unwritable"))
        try:
            self._login = login_words(record_of(await server.peer.request("account/read", {}, timeout=self._timeout)))
        except ProtocolError as error:
            raise translate(error) from error

    async def compare(self) -> None:
        """Compare the protocols; what keeps codex from telling its own is no trouble by itself."""
        from codex_sdk.drift.checking import check

        try:
            self._drift = (await check(Path(self._path), timeout=self._timeout)).summary()
        except AgentError as error:
            self._incomparable = Problem.of(error).what.rstrip(".")

    def diagnosis(self) -> Diagnosis:
        """Return everything, with what follows from it."""
        if self._version is None and self._drift is not None:
            self._version = self._drift.version
        within = self._judge_version()
        if self._drift is not None and not self._drift.compatible:
            self._add(_drift_problem(self._drift))
        return Diagnosis(
            "codex",
            str(self._path),
            self._version,
            tested_versions(),
            within,
            *self._login,
            self._drift,
            self._incomparable,
        ).with_problems(*self._problems.values())

    def _judge_version(self) -> bool | None:
        if (version := parse_version(self._version or "")) is None:
            return None
        try:
            warning = check_version(version, self._path)
        except UnsupportedVersionError as error:
            self._add(Problem.of(error))
            return False
        if warning is not None:
            fits = self._drift is not None and self._drift.compatible
            reassurance = "Nothing that this SDK uses is gone or changed; should" if fits else "Should"
            advice = f"{reassurance} something not work, install a tested version."
            self._add(Problem(f"{warning.partition(':')[0]}.", advice, "warning", "untested_version"))
        return warning is None

    def _add(self, problem: Problem) -> None:
        self._problems.setdefault(problem.code, problem)

    def _command(self, argument: str) -> str:
        return f"{shlex.quote(str(self._path))} {argument}"


def _drift_problem(drift: ProtocolDrift) -> Problem:
    named = "; ".join(drift.problems[:_WORST])
    more = f"; and {len(drift.problems) - _WORST} more" if len(drift.problems) > _WORST else ""
    effect = "some of what sessions can do does not work" if drift.runs else "no session works"
    return Problem(
        f"The protocol of codex {drift.version} lacks or changes what this SDK uses, so {effect}: {named}{more}.",
        f"Install a tested version ({tested_versions()}); `agent-sdk schema check` lists all differences.",
        "warning" if drift.runs else "error",
        "protocol_drift",
    )
