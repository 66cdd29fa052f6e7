"""The project's checks, run in the workspace's own environment: `uv run nox` for all, `uv run nox -s NAME` for one."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

OTHER_CODEX = ("0.162.1",)
"""Published codex versions that the contract suite holds on as well."""

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "docs"]
nox.options.error_on_external_run = False


@nox.session
def lint(session: nox.Session) -> None:
    """Format, style, docstrings."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Pyright, strict."""
    session.run("pyright", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})


@nox.session
def tests(session: nox.Session) -> None:
    """Unit and contract tests with coverage; the real binary is part of it."""
    session.run("coverage", "erase")
    # Two workers: much of the time is spent waiting for the processes under test.
    session.run("coverage", "run", "-m", "pytest", "-n", "2", "--ignore=tests/docs", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:
        session.run("coverage", "report")


@nox.session
def docs(session: nox.Session) -> None:
    """Run every code block of the documentation."""
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def schema(session: nox.Session) -> None:
    """Regenerate schemas and typed protocol; `-- --codex PATH` for another binary, `-- --check` to compare only."""
    session.run("python", "scripts/regenerate_schema.py", *session.posargs)


@nox.session
def record(session: nox.Session) -> None:
    """Record the flows that the replay tests use from the real binary."""
    session.run("python", "scripts/record_flows.py", *session.posargs)


@nox.session
def versions(session: nox.Session) -> None:
    """Run the contract suite with other published codex binaries, kept in `.cache/`; `-- VERSION…` for other ones."""
    for version in session.posargs or OTHER_CODEX:
        folder = Path(".cache", "codex", version).absolute()
        codex = str(folder / "codex_cli_bin" / "bin" / "codex")
        if not Path(codex).is_file():
            # Without the workspace's configuration, which pins another version.
            target = ("--no-config", "--python", sys.executable, "--target", str(folder))
            session.run("uv", "pip", "install", "--quiet", "--no-deps", *target, f"openai-codex-cli-bin=={version}")
        session.run("agent-sdk", "schema", "check", "--codex", codex, success_codes=[0, 1])
        session.run("pytest", "-n", "2", "tests/contract", env={"AGENT_SDK_CODEX_PATH": codex})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against a raw reader and the official package, in one run."""
    session.run("uv", "run", "--group", "bench", "python", "benchmarks/run.py", *session.posargs)
