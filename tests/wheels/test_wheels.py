"""The distributions: what they hold, what they ask for, and what an environment has that they are installed into."""

from __future__ import annotations

import email
import hashlib
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from tests.wheels.conftest import ROOT, Environment, run, uv

PACKAGES = {
    "agent-sdk-acp": "acp_sdk",
    "agent-sdk-base": "agent_sdk_core",
    "agent-sdk-chat": "agent_chat",
    "agent-sdk-claude": "claude_sdk",
    "agent-sdk-codex": "codex_sdk",
    "agent-sdk-fleet": "agent_fleet",
    "agent-sdk-testing": "agent_sdk_testing",
}
OURS = {"agent-sdk", *PACKAGES}
ALL = OURS - {"agent-sdk-fleet"}
"""What `agent-sdk[all]` brings of ours: a fleet is named by who wants one, for Ray is large."""
TERMINAL = {"agent-sdk-chat", "rich", "typer", "click", "markdown-it-py", "pygments", "sqlalchemy", "alembic"}
TESTING = {"agent-sdk-testing", "pytest"}

# Every file of an environment with the distributions that own it, and those that differ from what their owner recorded.
LOOK = """
import base64, hashlib, importlib.metadata as metadata, json, pathlib, sys, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
owners, changed = {}, []
for distribution in metadata.distributions():
    for file in distribution.files or ():
        path = str(file)
        owners.setdefault(path, []).append(distribution.name)
        if file.hash is not None:
            digest = base64.urlsafe_b64encode(hashlib.sha256((site / path).read_bytes()).digest()).decode().rstrip("=")
            changed += [path] * (digest != file.hash.value)
there = [str(path.relative_to(site)) for name in sys.argv[1:] for path in (site / name).rglob("*") if path.is_file()]
json.dump({"owners": owners, "changed": changed, "there": [p for p in there if "__pycache__" not in p]}, sys.stdout)
"""


def wheels(folder: Path) -> dict[str, Path]:
    return {path.name.split("-")[0].replace("_", "-"): path for path in folder.glob("*.whl")}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_each_distribution_is_built(built: Path) -> None:
    assert set(wheels(built)) == OURS
    assert len(list(built.glob("*.tar.gz"))) == len(OURS)


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_distribution_says_what_it_is(built: Path, name: str) -> None:
    told = metadata(wheels(built)[name])
    assert told["Name"] == name
    assert told["License-Expression"] == "Apache-2.0"
    assert told["Requires-Python"] == ">=3.11"
    assert told["Summary"]
    assert told["Keywords"]
    assert told["Description-Content-Type"] == "text/markdown"
    assert str(told.get_payload()).startswith(f"# {name}\n")
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    licence = (ROOT / "LICENSE").read_bytes()
    with zipfile.ZipFile(wheels(built)[name]) as archive:
        assert archive.read(next(each for each in archive.namelist() if each.endswith("licenses/LICENSE"))) == licence
    sdist = next(built.glob(f"{name.replace('-', '_')}-[0-9]*.tar.gz"))
    with tarfile.open(sdist) as archive:
        folder = sdist.name.removesuffix(".tar.gz")
        held = archive.extractfile(f"{folder}/LICENSE")
        assert held is not None
        assert held.read() == licence
        insides = {path.split("/")[1] for path in archive.getnames() if "/" in path}
        built_with = {"src", ".gitignore", "hatch_build.py"}  # The last is what makes the page of the chats.
        assert insides - built_with == {"LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_it_asks_of_ours_is_exactly_its_own_version(built: Path, name: str) -> None:
    told = metadata(wheels(built)[name])
    asked = [each.partition(";")[0].strip() for each in told.get_all("Requires-Dist", [])]
    ours = [each for each in asked if each.startswith("agent-sdk")]
    assert ours == [each for each in ours if each.endswith(f"=={told['Version']}")]
    assert (ours == []) == (name == "agent-sdk-base")


def test_no_two_of_them_hold_the_same_file(built: Path) -> None:
    held: dict[str, set[str]] = {}
    for name, wheel in wheels(built).items():
        with zipfile.ZipFile(wheel) as archive:
            held[name] = {path.split("/")[0] for path in archive.namelist() if ".dist-info/" not in path}
    assert held == {"agent-sdk": set(), **{name: {module} for name, module in PACKAGES.items()}}


def test_a_wheel_is_the_same_from_the_sdist_and_from_the_tree(built: Path, tmp_path: Path) -> None:
    run(
        *(uv(), "build", "-q", "--all-packages", "--wheel", "--no-build-isolation", "-p", sys.executable),
        *("-o", tmp_path),
        cwd=ROOT,
    )
    hashes = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.whl")}
        for folder in (built, tmp_path)
    ]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    ("requirement", "with_them", "without"),
    [
        ("agent-sdk", {"agent-sdk-base"}, TERMINAL | TESTING | {"agent-sdk-codex", "agent-sdk-claude"}),
        ("agent-sdk[codex]", {"openai-codex-cli-bin", "agent-sdk-codex"}, TERMINAL | TESTING | {"claude-agent-sdk"}),
        ("agent-sdk[claude]", {"claude-agent-sdk", "agent-sdk-claude"}, {"agent-sdk-chat", "rich", "typer"} | TESTING),
        ("agent-sdk[acp]", {"agent-sdk-acp"}, TERMINAL | TESTING | {"agent-sdk-codex", "agent-sdk-claude"}),
        ("agent-sdk-codex", {"agent-sdk-base"}, TERMINAL | TESTING | {"openai-codex-cli-bin"}),
        ("agent-sdk-claude", {"agent-sdk-base"}, TERMINAL | TESTING | {"claude-agent-sdk"}),
        ("agent-sdk[cli]", {"agent-sdk-chat", "rich", "typer"}, {"openai-codex-cli-bin", "claude-agent-sdk", "pytest"}),
        ("agent-sdk[chat]", {"agent-sdk-chat", "openai-codex-cli-bin", "claude-agent-sdk"}, {"pytest"}),
        ("agent-sdk[testing]", TESTING, TERMINAL - {"pygments"} | {"openai-codex-cli-bin", "claude-agent-sdk"}),
        ("agent-sdk[fleet]", {"agent-sdk-fleet", "ray"}, {"agent-sdk-chat", "rich", "typer"} | TESTING),
        ("agent-sdk[all]", ALL | {"openai-codex-cli-bin", "claude-agent-sdk", "pytest"}, {"ray", "agent-sdk-fleet"}),
    ],
)
def test_an_extra_brings_what_it_is_for_and_no_more(
    resolved: Callable[[str], dict[str, str]], built: Path, requirement: str, with_them: set[str], without: set[str]
) -> None:
    found = resolved(requirement)
    assert with_them <= set(found)
    assert without & set(found) == set()
    version = metadata(wheels(built)["agent-sdk"])["Version"]
    assert {found[name] for name in OURS & set(found)} == {version}


def looked_at(environment: Environment) -> dict[str, Any]:
    return json.loads(environment.python("-c", LOOK, *PACKAGES.values()))


def test_installed_beside_the_index_no_file_is_a_strangers(installed: Callable[[str], Environment]) -> None:
    environment = installed("agent-sdk[all]")
    look = looked_at(environment)
    owner_of = {module: [name] for name, module in PACKAGES.items()}
    owners = {path: names for path, names in look["owners"].items() if path.split("/")[0] in owner_of}
    assert {path: names for path, names in owners.items() if names != owner_of[path.split("/")[0]]} == {}
    assert set(look["there"]) - set(owners) == set()
    assert [path for path in look["changed"] if path in owners] == []
    # Each is the one of this tree, says its version, and is found by its entry points.
    shown = environment.python(
        "-c",
        "import importlib, importlib.metadata as metadata, json, sys\n"
        "names = dict(pair.split('=') for pair in sys.argv[1:])\n"
        "told = {name: importlib.import_module(module).__version__ for name, module in names.items()}\n"
        "assert told == {name: metadata.version(name) for name in names}, told\n"
        "import agent_sdk_core as sdk\n"
        "agents = {agent.type: agent.executable for agent in sdk.available_backends()}\n"
        "assert set(agents) == {'claude', 'codex'}, agents\n"
        "assert all(str(path).startswith(sys.prefix) for path in agents.values()), agents\n"
        "assert sdk.parse_backend_type('Claude Code') == 'claude'\n"
        "import claude_sdk, codex_sdk\n"
        "assert codex_sdk.SessionOptions is claude_sdk.SessionOptions is sdk.SessionOptions\n"
        "assert 'agent_sdk_testing.pytest_plugin' in {e.module for e in metadata.entry_points(group='pytest11')}\n"
        "print('well')",
        *(f"{name}={module}" for name, module in PACKAGES.items() if name in ALL),
    )
    assert shown == "well\n"


def test_the_command_comes_with_cli_and_says_which_agents_are_missing(
    installed: Callable[[str], Environment], built: Path
) -> None:
    environment = installed("agent-sdk[cli]")
    assert "demo" in environment.command("agent-sdk", "--help")
    version = metadata(wheels(built)["agent-sdk"])["Version"]
    assert environment.command("agent-sdk", "--version") == f"agent-sdk {version}\n"
    code = (
        "import agent_sdk_core as sdk\n"
        "from codex_sdk.process.executable import find_executable\n"
        "try:\n    find_executable(None, {})\n"
        "except sdk.ExecutableNotFoundError as error:\n    print(error)\n"
    )
    assert 'pip install "agent-sdk[codex]"' in environment.python("-c", code)
