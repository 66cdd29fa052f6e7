"""The committed schema bundle is what the pinned binary emits, and its manifest describes it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = ROOT / "schemas" / "codex"


@pytest.fixture(scope="module")
def codex() -> Path:
    spec = importlib.util.find_spec("codex_cli_bin")
    assert spec is not None, "agent-sdk[codex] must be installed"
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "bin" / "codex"
    assert path.is_file(), "openai-codex-cli-bin carries no codex binary"
    return path


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="schema-test-", dir=cache) as home:
        yield {"HOME": home, "CODEX_HOME": home, "PATH": os.defpath}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return json.loads((COMMITTED / "manifest.json").read_text())


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(("flavour", "flags"), [("stable", []), ("experimental", ["--experimental"])])
def test_bundle_is_what_the_installed_binary_emits(
    codex: Path, environment: dict[str, str], tmp_path: Path, flavour: str, flags: list[str]
) -> None:
    command = [codex, "app-server", "generate-json-schema", *flags, "--out", tmp_path]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    assert digests(tmp_path) == digests(COMMITTED / flavour)


def test_manifest_names_the_version_of_the_installed_binary(
    codex: Path, environment: dict[str, str], manifest: dict[str, Any]
) -> None:
    done = subprocess.run(
        [codex, "--version"], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split()[-1] == manifest["codex"]


def test_manifest_holds_the_digest_of_every_file(manifest: dict[str, Any]) -> None:
    expected = {name: digest for name, digest in digests(COMMITTED).items() if name != "manifest.json"}
    assert manifest["files"] == expected


@pytest.mark.parametrize("flavour", ["stable", "experimental"])
@pytest.mark.parametrize(
    ("kind", "envelope"),
    [
        ("client_requests", "ClientRequest"),
        ("client_notifications", "ClientNotification"),
        ("server_requests", "ServerRequest"),
        ("server_notifications", "ServerNotification"),
    ],
)
def test_manifest_lists_the_methods_of_the_bundle(
    manifest: dict[str, Any], flavour: str, kind: str, envelope: str
) -> None:
    variants = json.loads((COMMITTED / flavour / f"{envelope}.json").read_text())["oneOf"]
    methods = sorted(variant["properties"]["method"]["enum"][0] for variant in variants)
    assert manifest["methods"][flavour][kind] == methods
    assert manifest["counts"][flavour][kind] == len(methods)


def test_manifest_lists_the_item_types(manifest: dict[str, Any]) -> None:
    schema = json.loads((COMMITTED / "experimental" / "codex_app_server_protocol.schemas.json").read_text())
    variants = schema["definitions"]["v2"]["ThreadItem"]["oneOf"]
    assert manifest["item_types"] == sorted(variant["properties"]["type"]["enum"][0] for variant in variants)


def test_manifest_is_written_with_sorted_keys_and_a_final_newline(manifest: dict[str, Any]) -> None:
    assert (COMMITTED / "manifest.json").read_text() == json.dumps(manifest, indent=2, sort_keys=True) + "\n"
