"""The project's checks, run in the workspace's own environment: `uv run nox` for all, `uv run nox -s NAME` for one."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

APART = (
    "--ignore=tests/acp",
    "--ignore=tests/api",
    "--ignore=tests/e2e",
    "--ignore=tests/vscode",
    "--ignore=tests/docs",
    "--ignore=tests/examples",
    "--ignore=tests/wheels",
    "--ignore=tests/fleet",
    "--ignore=tests/notebook",
    "--ignore=tests/claude",
    "--ignore=tests/codex",
    "--ignore=tests/benchmarks",
    "--ignore=tests/faults/test_real.py",
)
"""Tests that have a session of their own."""

ALONE = ("tests/claude", "tests/codex", "tests/faults/test_real.py", "tests/benchmarks")
"""Of those, what one real agent alone does or suffers, and the benchmarks' own."""

TOGETHER = (("types",), ("site", "docs"), ("wheels",))
"""Sessions that keep one core busy each, or wait for the network; `docs` fills the cores that are free first."""

TWINE = "twine==7.0.0"

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "together", "tests"]
nox.options.error_on_external_run = False


def workers(count: int) -> tuple[str, ...]:
    """Return the options for workers of pytest, of which one that is through takes from another what is left."""
    return ("-n", str(count), "--dist", "worksteal")


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
def together(session: nox.Session) -> None:
    """Run `types`, `site` with `docs` after it, and `wheels` at once; each line of theirs begins with its name."""
    failed: list[str] = []

    def run(name: str) -> None:
        command = [sys.executable, "-m", "nox", "--forcecolor" if session.interactive else "--nocolor", "-s", name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
            for line in child.stdout or ():
                session.log("%s | %s", name, line.rstrip())
        if child.returncode:
            failed.append(name)

    def run_each(names: tuple[str, ...]) -> None:
        for name in names:
            run(name)

    with ThreadPoolExecutor() as threads:
        list(threads.map(run_each, TOGETHER))
    if failed:
        session.error(f"not passed: {', '.join(failed)}")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the unit tests and what holds of the whole tree; `-- -k NAME` or `-- PATH` for some."""
    # Four workers, also on two cores: much of the time is spent waiting for the processes under test.
    session.run("pytest", *workers(4), *APART, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every code block of the documentation, and every example."""
    session.run("pytest", *workers(4), *(session.posargs or ("tests/docs", "tests/examples")))


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
def acp_schema(session: nox.Session) -> None:
    """Fetch the schemas of the Agent Client Protocol; `-- --check` compares, `-- --version X` another release."""
    session.run("python", "scripts/acp_schema.py", *session.posargs)


@nox.session
def record(session: nox.Session) -> None:
    """Record the flows that the replay tests use from the real binary."""
    session.run("python", "scripts/record_flows.py", *session.posargs)


@nox.session
def contract(session: nox.Session) -> None:
    """Run the contract suite on both real agents, Codex also as a server that listens, and on the two in this process.

    `-- --contract-agent tests.contract.agents.memory:MemoryAgent`, `-- -k approval` and such for less than all.
    """
    session.run("pytest", *workers(4), "--pyargs", "agent_sdk_testing.contract", *session.posargs)


@nox.session
def agents(session: nox.Session) -> None:
    """Run the tests of what one real agent alone does or suffers, and of the benchmarks."""
    session.run("pytest", *workers(4), *(session.posargs or ALONE))


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches the sessions `tests` and `agents` run; 95 % of what is written by hand is asked."""
    session.run("coverage", "erase")
    for chosen in (APART, ALONE):
        session.run("pytest", "-n", "4", "-p", "tests.measuring", *chosen)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def damage(session: nox.Session) -> None:
    """Read damaged wires of both agents, `-- N` of each (default: 20000), from `-- N SEED` on."""
    session.run("python", "-m", "tests.damage", *(session.posargs or ["20000"]))


@nox.session
def faults(session: nox.Session) -> None:
    """Run random schedules of faults and calls on fake and real agents: `-- --schedules N --seed S --agents NAME…`.

    What is wrong is printed with the seed that brings it back.
    """
    session.run("python", "-m", "tests.faults", *session.posargs)


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
    picture = ("--group", "picture") if "--report" in session.posargs else ()
    fleet = () if "--check" in session.posargs else ("--group", "fleet")
    project = ("uv", "run", "--no-dev", "--group", "bench", *picture, *fleet)
    env = {"UV_PROJECT_ENVIRONMENT": ".cache/bench"}
    session.run(*project, "python", "benchmarks/run.py", *session.posargs, env=env)


@nox.session
def soak(session: nox.Session) -> None:
    """Run thousands of sessions and turns in one process, and fail where memory, descriptors, tasks or threads grow.

    `-- --sessions N --turns N --agent codex --loop trio` for less than all.
    """
    session.run("python", "benchmarks/soak.py", *session.posargs)


@nox.session
def web(session: nox.Session) -> None:
    """Build the page of `agent-sdk serve`, with node from the Python index: types checked, weight limited."""
    session.run("python", "-m", "agent_chat.web.bundle")


@nox.session
def api(session: nox.Session) -> None:
    """Try the API of the chats' server with requests made from its OpenAPI document, well-formed and not."""
    session.run("pytest", *workers(2), *(session.posargs or ("tests/api",)))


@nox.session
def e2e(session: nox.Session) -> None:
    """Use the page in a real Chromium, with the real agents and scripted models; says what is missing for it."""
    session.run("python", "-m", "agent_chat.web.bundle", "--if-changed")
    session.run("python", "-m", "tests.e2e.browser")
    session.run("pytest", *workers(2), *(session.posargs or ("tests/e2e",)))


@nox.session
def notebook(session: nox.Session) -> None:
    """Show a turn in a notebook, in a real kernel of Jupyter."""
    # An environment of its own: the workspace's has no kernel.
    project = ("uv", "run", "--all-packages", "--all-extras", "--group", "notebook")
    env = {"UV_PROJECT_ENVIRONMENT": ".cache/notebook", "VIRTUAL_ENV": None}
    # The sockets of the kernel's client are closed with the interpreter, and say so.
    quiet = ("-W", "ignore::ResourceWarning")
    session.run(*project, "pytest", *quiet, *(session.posargs or ("tests/notebook",)), env=env)


@nox.session
def fleet(session: nox.Session) -> None:
    """Run sessions on a cluster of two nodes on loopback, with the real agents, and kill what can be killed.

    With it the recipes of docs/fleet.md for Temporal and DBOS, and the cases of speech of the contract suite, on both
    agents behind that fleet; `-- contract [OPTION…]` runs all of the suite there instead, which takes long.
    """
    # An environment of its own: the workspace's has no Ray.
    project = ("uv", "run", "--all-packages", "--all-extras", "--group", "fleet", "--group", "recipes")
    env = {"UV_PROJECT_ENVIRONMENT": ".cache/fleet", "VIRTUAL_ENV": None}
    suite = "agent_sdk_testing.contract"
    agents = [f"--contract-agent=tests.fleet.agents:{name}" for name in ("FleetCodexAgent", "FleetClaudeAgent")]
    arguments = session.posargs or ["tests/fleet", "--pyargs", f"{suite}.cases.test_speech", *agents]
    if arguments[0] == "contract":
        arguments = ["--pyargs", suite, *agents, *arguments[1:]]
    session.run(*project, "python", "-m", "pytest", "-p", "tests.fleet.sharing", *arguments, env=env)


@nox.session
def vscode(session: nox.Session) -> None:
    """Build, check and package the VS Code extension, and use it in a real VS Code, in a real Chromium.

    The package is `dist/agent-sdk.vsix`. `-- TEST…` for some of the tests. Where VS Code's server cannot be had, one
    line says so; the extension is built, and its own tests are run, all the same.
    """
    told = session.run("python", "-m", "tests.vscode.installing", silent=True)
    session.run("python", "-m", "agent_chat.web.bundle", "--if-changed")
    session.run("python", "scripts/build_vscode.py")
    if isinstance(told, str) and told.startswith("SKIPPED:"):
        session.log(told.strip())
        return
    session.run("python", "-m", "tests.e2e.browser")
    session.run("pytest", "-n", "2", *(session.posargs or ("tests/vscode",)))


@nox.session
def acp(session: nox.Session) -> None:
    """Run others' agents and clients offline, over the Agent Client Protocol, and damage 2,000 lines in each direction.

    opencode, Gemini CLI, acpx and the official packages come from their registries into `.cache/acp`. Both agents run
    the whole contract suite; what does not hold of them is declared in `tests/acp/agents.py`. `-- TEST…` for some.
    """
    session.run("python", "-m", "tests.acp.installing")
    session.run("pytest", "-n", "2", *(session.posargs or ("tests/acp",)))
    if not session.posargs:
        agents = [f"--contract-agent=tests.acp.agents:{name}" for name in ("OpencodeAgent", "GeminiAgent")]
        session.run("pytest", "-n", "2", "--pyargs", "agent_sdk_testing.contract", *agents)
        damaged = ("packages/acp-sdk/tests/test_damaged_frames.py", "packages/acp-sdk/tests/test_damaged_wires.py")
        own = "packages/agent-chat/tests/acp/test_fuzz.py"
        session.run("pytest", "-n", "2", *damaged, own, env={"FUZZ_LINES": "2000"})


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation and the reference of every public name into `site/`; needs no network."""
    # An environment of its own, so that nobody who only runs or tests the packages pays for it.
    project = ("uv", "run", "--no-dev", "--group", "site")
    env = {"UV_PROJECT_ENVIRONMENT": ".cache/site", "NO_MKDOCS_2_WARNING": "1", "VIRTUAL_ENV": None}
    session.run(*project, "mkdocs", "build", *session.posargs, env=env)
