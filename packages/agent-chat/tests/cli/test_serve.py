"""`agent-sdk serve` as a process: its link, its end, and what it refuses."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agent_chat.cli import serve
from agent_chat.cli.serve import ServeSettings, run_serve
from agent_chat.settings import UsageError
from agent_chat.web.server import listen
from agent_sdk_core.errors import AgentError

SERVE = (sys.executable, "-m", "agent_chat", "serve", "--no-open")


@contextmanager
def serving(env: dict[str, str], *arguments: str, cwd: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Run the command, and return it with the first line of its stdout."""
    pipe = subprocess.PIPE
    env = env | {"XDG_DATA_HOME": str(cwd / "data")}
    with subprocess.Popen([*SERVE, *arguments], env=env, cwd=cwd, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


@contextmanager
def opened(link: str) -> Generator[httpx2.Client]:
    """Open the link as a browser does."""
    with httpx2.Client(base_url=link.partition("/open")[0], trust_env=False, timeout=120) as client:
        assert client.get(link).status_code == 303
        yield client


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["int", "term", "hup"]
)
def test_it_prints_one_link_and_ends_by_a_signal(
    command_env: dict[str, str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with serving(command_env, cwd=tmp_path) as (process, line):
        with opened(line.strip()) as client:
            assert client.get("/api").json()["cwd"] == str(tmp_path.resolve())
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == code, stderr
        assert stdout == ""
        assert "Traceback" not in stderr


def test_the_demo_is_served_with_the_real_agents_and_leaves_nothing(
    command_env: dict[str, str], tmp_path: Path
) -> None:
    with serving(command_env, "--demo", "--json", "--port", "0", cwd=tmp_path) as (process, line):
        with opened(json.loads(line)["url"]) as client:
            about: dict[str, Any] = client.get("/api").json()
            project = Path(about["cwd"])
            assert (project / "greeting.txt").exists()
            for backend in about["backends"]:
                chat = client.post("/api/chats", json={"backend": backend}).json()["chat"]["id"]
                sent = client.post(f"/api/chats/{chat}/prompts", json={"text": about["demo"]})
                assert sent.status_code == 202, sent.text
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        assert not project.exists()
        assert "Traceback" not in stderr
    deadline = time.monotonic() + 60
    while (left := commands_with(str(project.parent))) and time.monotonic() < deadline:
        time.sleep(0.02)  # What was killed may take a moment to be gone.
    assert left == []


def commands_with(words: str) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if words in line]


@contextmanager
def held(env: dict[str, str], *arguments: str, cwd: Path) -> Generator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run the command as a program that holds it does, and return it with what it says first."""
    pipe = subprocess.PIPE
    env = env | {"XDG_DATA_HOME": str(cwd / "data")}
    command = [*SERVE, "--embed", *arguments]
    with subprocess.Popen(command, env=env, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def client_of(told: dict[str, Any], **headers: str) -> httpx2.Client:
    authorized = {"authorization": f"Bearer {told['token']}"} | headers
    return httpx2.Client(base_url=told["url"], headers=authorized, trust_env=False, timeout=120)


def test_a_program_that_holds_it_gets_a_token_and_it_ends_with_stdin(
    command_env: dict[str, str], tmp_path: Path
) -> None:
    with held(command_env, cwd=tmp_path) as (process, told):
        assert process.stdin is not None
        assert process.stdout is not None
        assert (told["pid"], set(told)) == (process.pid, {"url", "token", "version", "pid"})
        editor = "vscode-webview://here"
        with client_of(told) as client:
            assert client.get("/api").json()["version"] == told["version"]
            assert client.get("/api", headers={"origin": editor}).status_code == 403
            process.stdin.write(json.dumps({"origins": [editor]}) + "\nno\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"origins": [editor]}
            assert "error" in json.loads(process.stdout.readline())
            assert client.get("/api", headers={"origin": editor}).status_code == 200
        with httpx2.Client(base_url=told["url"], trust_env=False) as stranger:
            assert stranger.get("/api").status_code == 401
        stdout, stderr = process.communicate(timeout=120)
        assert (process.returncode, stdout, stderr) == (0, "", "")


def test_it_ends_when_the_program_that_holds_it_is_killed(command_env: dict[str, str], tmp_path: Path) -> None:
    program = f"import subprocess, sys; subprocess.run({[*SERVE, '--embed']!r}, stdin=subprocess.PIPE)"
    env = command_env | {"XDG_DATA_HOME": str(tmp_path / "data")}
    holder = [sys.executable, "-c", program]
    with subprocess.Popen(holder, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "token" in json.loads(process.stdout.readline())
        process.kill()
        assert process.stdout.read() == "", "the server holds the other end of stdout until it ends"


def test_a_server_that_only_shows_chats_starts_and_changes_nothing(command_env: dict[str, str], tmp_path: Path) -> None:
    with held(command_env, cwd=tmp_path) as (process, told), client_of(told) as client:
        chat = client.post("/api/chats", json={"title": "Kept"}).json()["chat"]["id"]
        process.communicate(timeout=120)
    with held(command_env, "--read-only", cwd=tmp_path) as (process, told), client_of(told) as client:
        assert "show chats" in client.get("/api").json()["read_only"]
        shown = client.get(f"/api/chats/{chat}").json()["chat"]
        assert (shown["title"], shown["state"]) == ("Kept", "read_only")
        for method, path, body in (
            ("POST", "/chats", {}),
            ("PATCH", f"/chats/{chat}", {"title": "Other"}),
            ("DELETE", f"/chats/{chat}", None),
            ("POST", f"/chats/{chat}/prompts", {"text": "Go"}),
            ("GET", "/models?backend=claude", None),
            ("GET", "/sessions?backend=claude", None),
        ):
            answer = client.request(method, f"/api{path}", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "read_only"), path
        process.communicate(timeout=120)
        assert process.returncode == 0


def test_rules_of_a_file_stand_beside_those_that_are_configured(command_env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".agent-sdk.toml").write_text('[policy]\ndeny = ["Bash(sudo *)"]\nlimits.turns = 9\n')
    rules = tmp_path / "rules.toml"
    rules.write_text('[policy]\ndeny = ["Read(.env)"]\nlimits.turns = 5\n')
    with held(command_env, "--policy", str(rules), cwd=tmp_path) as (process, told), client_of(told) as client:
        settings = client.get("/api/settings").json()["settings"]
        assert settings["policy.deny"]["value"] == ["Bash(sudo *)", "Read(.env)"]
        assert settings["policy.limits.turns"]["value"] == 5
        process.communicate(timeout=120)
    rules.write_text('policy = "no table"')
    with pytest.raises(UsageError, match="policy has to be a table"):
        run_serve(ServeSettings(cwd=str(tmp_path), policy=str(rules)))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org"])
def test_an_address_that_others_reach_needs_a_proxy_with_tls(host: str) -> None:
    with pytest.raises(UsageError, match="proxy with TLS"):
        run_serve(ServeSettings(host=host))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ServeSettings("codx"), "did you mean 'codex'"),
        (ServeSettings("codx", demo=True), "does not know the agent 'codx'"),
        (ServeSettings(cwd=".", demo=True), "leave out --cwd"),
        (ServeSettings(cwd="no/such/folder"), "is not a folder"),
        (ServeSettings(embed=True, behind_proxy="chats.example"), "leave out --behind-proxy"),
        (ServeSettings(behind_proxy=""), "--behind-proxy takes the host"),
        (ServeSettings(behind_proxy="http://x y"), "--behind-proxy takes the host"),
        (ServeSettings(host=" "), "--host takes the address"),
        (ServeSettings(policy="rules.toml", demo=True), "leave out --policy"),
        (ServeSettings(policy="no/such/file.toml"), "there is no such file"),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_is_built_or_started(
    settings: ServeSettings, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "ensure_page", lambda: pytest.fail("it goes on"))
    with pytest.raises(UsageError, match=words):
        run_serve(settings)


def test_a_port_that_is_taken_is_told_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AgentError, match="--port 0"):
            listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(AgentError, match="no address"):
        listen("no such host.invalid", 0)
