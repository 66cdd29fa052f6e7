"""The session of the VS Code extension: what it says and does where VS Code's server cannot be had, and in CI."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.vscode.installing import SKIPPED, VERSION

ROOT = Path(__file__).parents[1]


class Refusing(BaseHTTPRequestHandler):
    """A registry that is there, and gives nothing."""

    def do_GET(self) -> None:  # so it is called
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:  # so it is named
        """Stay silent."""


@pytest.fixture(params=["refuses", "is not there"])
def registry(request: pytest.FixtureRequest) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    address = f"http://127.0.0.1:{server.server_port}/"
    if request.param == "is not there":
        server.server_close()
        yield address
        return
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def installing(cache: Path, registry: str) -> str:
    """Return what is said about having the server."""
    env = {**os.environ, "AGENT_SDK_VSCODE_CACHE": str(cache), "npm_config_registry": registry}
    command = [sys.executable, "-m", "tests.vscode.installing"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=120).stdout


def test_a_registry_that_gives_nothing_is_told_of_in_one_line(tmp_path: Path, registry: str) -> None:
    said = installing(tmp_path, registry)
    assert said.startswith(f"{SKIPPED} the tests in VS Code, for its server cannot be had here: npm view failed:")
    assert said.count("\n") == 1
    assert said.endswith("\n")


def test_nothing_is_said_where_the_server_is_there(tmp_path: Path, registry: str) -> None:
    (tmp_path / VERSION).mkdir()
    (tmp_path / VERSION / "installed").touch()
    assert installing(tmp_path, registry) == ""


class Session:
    """A session of nox that notes what it would run, and what is said."""

    posargs: tuple[str, ...] = ()

    def __init__(self, said: str) -> None:
        self.said = said
        self.ran: list[str] = []
        self.logged: list[str] = []

    def run(self, *command: str, **_: object) -> str:
        """Note a command."""
        self.ran.append(" ".join(command))
        return self.said if "tests.vscode.installing" in command else ""

    def log(self, line: str) -> None:
        """Note a line."""
        self.logged.append(line)


@cache
def noxfile() -> Any:
    """Return the noxfile; nox takes each session once."""
    spec = importlib.util.spec_from_file_location("the_noxfile", ROOT / "noxfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_the_server_the_extension_is_built_and_its_own_tests_run() -> None:
    line = f"{SKIPPED} the tests in VS Code, for its server cannot be had here: npm view failed"
    session = Session(f"{line}\n")
    noxfile().vscode.func(session)
    assert session.logged == [line]
    assert session.ran[1:] == ["python -m agent_chat.web.bundle --if-changed", "python scripts/build_vscode.py"]


def test_with_the_server_all_of_it_is_run_and_nothing_is_said() -> None:
    session = Session("")
    noxfile().vscode.func(session)
    assert session.logged == []
    assert session.ran[-1] == "pytest -n 2 tests/vscode"


@pytest.mark.parametrize(("code", "says"), [(124, "FAILED: the extension in VS Code took longer"), (1, ""), (0, "")])
@pytest.mark.skipif(sys.platform == "win32", reason="CI is a script of a shell")
def test_ci_fails_where_the_session_fails_or_takes_too_long(tmp_path: Path, code: int, says: str) -> None:
    for name in ("pip", "uv", "chromium", "valgrind", "apt-get", "sudo", "timeout"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {code if name == 'timeout' else 0}\n")
        program.chmod(0o755)
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", ".ci/run"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert says in done.stdout
    assert ("FAILED" in done.stdout) == bool(says)
