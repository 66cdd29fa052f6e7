"""The project's checks, run in the workspace's own environment: `uv run nox` for all, `uv run nox -s NAME` for one."""

from __future__ import annotations

from pathlib import Path

import nox

APART = ("--ignore=tests/docs", "--ignore=tests/examples", "--ignore=tests/wheels")
"""Tests that have a session of their own."""

TWINE = "twine==7.0.0"

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "docs", "site", "wheels"]
nox.options.error_on_external_run = False


@nox.session
def lint(session: nox.Session) -> None:
    """Format, style, docstrings."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Pyright, strict; and mypy, strict, over what users copy: the examples and the programs of the documentation."""
    env = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    session.run("pyright", env=env)
    session.run("python", "-m", "tests.docs.typed", env=env)


@nox.session
def tests(session: nox.Session) -> None:
    """Unit and contract tests with coverage; the real binary is part of it."""
    session.run("coverage", "erase")
    # Three workers, also on two cores: much of the time is spent waiting for the processes under test.
    session.run("coverage", "run", "-m", "pytest", "-n", "3", *APART, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:
        session.run("coverage", "report")


@nox.session
def docs(session: nox.Session) -> None:
    """Run every code block of the documentation, and every example."""
    session.run("pytest", "-n", "2", *(session.posargs or ("tests/docs", "tests/examples")))


@nox.session
def wheels(session: nox.Session) -> None:
    """Build all distributions and install them from their wheels, into empty environments, with the index in reach."""
    session.run("pytest", "tests/wheels", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Set the version everywhere (`-- X.Y.Z`) with its heading in the changelog, build into `dist/`, check with twine.

    Without a version, what is there is built and checked. Nothing is uploaded.
    """
    if session.posargs:
        session.run("python", "scripts/release.py", *session.posargs)
    session.run("uv", "build", "--quiet", "--all-packages", "--clear", "--out-dir", "dist")
    built = sorted(str(path) for path in Path("dist").iterdir() if path.suffix in {".whl", ".gz"})
    session.run("uvx", "--from", TWINE, "twine", "check", "--strict", *built)


@nox.session
def schema(session: nox.Session) -> None:
    """Regenerate schemas and typed protocol; `-- --codex PATH` for another binary, `-- --check` to compare only."""
    session.run("python", "scripts/regenerate_schema.py", *session.posargs)


@nox.session
def record(session: nox.Session) -> None:
    """Record the flows that the replay tests use from the real binary."""
    session.run("python", "scripts/record_flows.py", *session.posargs)


@nox.session
def damage(session: nox.Session) -> None:
    """Read damaged wires of both agents, `-- N` of each (default: 20000), from `-- N SEED` on."""
    session.run("python", "-m", "tests.damage", *(session.posargs or ["20000"]))


@nox.session
def versions(session: nox.Session) -> None:
    """Run the contract suite on releases of both agents: the pinned, the tested, and the newest of each registry.

    `-- codex`, `-- claude==2.1.332` and such for those alone. Their executables are kept in `.cache/`.
    """
    session.run("python", "scripts/try_releases.py", *session.posargs)


@nox.session
def pin(session: nox.Session) -> None:
    """Write an agent's pinned version everywhere: `-- codex 0.163.0`, `-- claude 2.1.332 0.2.189` (of its carrier)."""
    session.run("python", "scripts/move_pin.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against a raw reader and the official packages, in one run."""
    # An environment of its own: the workspace's has no official package, and claude's brings some twenty others.
    project = ("uv", "run", "--no-dev", "--group", "bench")
    env = {"UV_PROJECT_ENVIRONMENT": ".cache/bench"}
    session.run(*project, "python", "benchmarks/run.py", *session.posargs, env=env)


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation and the reference of every public name into `site/`; needs no network."""
    # An environment of its own, so that nobody who only runs or tests the packages pays for it.
    project = ("uv", "run", "--no-dev", "--group", "site")
    env = {"UV_PROJECT_ENVIRONMENT": ".cache/site", "NO_MKDOCS_2_WARNING": "1", "VIRTUAL_ENV": None}
    session.run(*project, "mkdocs", "build", *session.posargs, env=env)
