"""The project's checks, run in the workspace's own environment: `uv run nox` for all, `uv run nox -s NAME` for one."""

from __future__ import annotations

import nox

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
    session.run("coverage", "run", "-m", "pytest", "--ignore=tests/docs", *session.posargs)
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
def bench(session: nox.Session) -> None:
    """Measure against a raw reader and the official package, in one run."""
    session.run("uv", "run", "--group", "bench", "python", "benchmarks/run.py", *session.posargs)
