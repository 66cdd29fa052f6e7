"""The contract suite, and what is particular to an agent, on published releases: one by one, a table at the end."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from agent_releases import AGENTS, ROOT, RegistryError, Release, installed, named, newest, tested_versions

CONTRACT: Final = "packages/agent-sdk-testing/src/agent_sdk_testing/contract"


def sources(words: Sequence[str]) -> Iterator[tuple[str, Callable[[], Sequence[Release]]]]:
    """Yield what is to be tried, in words, and how to get it: what the words name.

    Without words it is the pinned release of each agent, the newest of each registry, and those that are called tested.
    """
    for word in words:
        yield word, partial(named, word)
    if words:
        return
    for agent in AGENTS.values():
        yield f"the pinned {agent.name}", lambda agent=agent: [installed(agent)]
        yield f"the newest {agent.name} on PyPI", lambda agent=agent: [newest(agent, "PyPI")]
        yield f"the newest {agent.name} on npm", lambda agent=agent: [newest(agent, "npm")]
        for version in tested_versions(agent)[1:]:
            yield f"{agent.name}=={version}", partial(named, f"{agent.name}=={version}")


def find_releases(words: Sequence[str]) -> tuple[list[Release], list[str]]:
    """Return the releases to try, each version once, and what could not be had."""
    found: dict[tuple[str, str], Release] = {}
    missing: list[str] = []
    for what, get in sources(words):
        print(f"Looking for {what} …", flush=True)
        try:
            releases = get()
        except RegistryError as error:
            missing.append(what)
            print(f"  {error}", flush=True)
            continue
        for release in releases:
            known = found.setdefault((release.agent.name, release.version), release)
            print(f"  {release}{'' if known is release else f': known already, {known.origin}'}", flush=True)
    return list(found.values()), missing


def try_release(release: Release, arguments: Sequence[str]) -> bool:
    """Run the suite with a release; whether it held."""
    agent = release.agent
    env = os.environ | {agent.variable: str(release.executable)}
    if agent.name == "codex":
        # What its protocol lacks is said before the tests say what that breaks.
        subprocess.run(
            ["agent-sdk", "schema", "check", "--codex", str(release.executable)], env=env, cwd=ROOT, check=False
        )
    suite = [CONTRACT, "--contract-agent", agent.contract, agent.tests]
    command = [sys.executable, "-m", "pytest", "-n", "2", *suite, *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, check=False).returncode == 0


def main(arguments: list[str] | None = None) -> int:
    """Try the releases; 0 when all were there and held."""
    parser = argparse.ArgumentParser(
        description="Run the contract suite, and an agent's own tests, on published releases.",
        epilog="Arguments after another `--` go to pytest.",
    )
    parser.add_argument("releases", nargs="*", help="claude, codex, or one of their versions as in codex==0.163.0")
    given = sys.argv[1:] if arguments is None else arguments
    split = given.index("--") if "--" in given else len(given)
    parsed = parser.parse_args(given[:split])
    releases, missing = find_releases(parsed.releases)
    told: list[str] = []
    well = not missing
    for number, release in enumerate(releases, 1):
        print(f"\n[{number}/{len(releases)}] {release}", flush=True)
        start = time.monotonic()
        held = try_release(release, given[split + 1 :])
        well &= held
        told.append(f"{release!s:55} {'held' if held else 'FAILED':8} {(time.monotonic() - start) / 60:5.1f} minutes")
    print("", *told, *(f"{what:55} could not be had" for what in missing), sep="\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
