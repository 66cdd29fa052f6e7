"""Regenerates what follows from the pinned codex binary and from our own models.

Writes `schemas/codex/` (the bundle as emitted, and its manifest), `codex_sdk.protocol` (the typed protocol, and its
surface for comparisons), the stub of `codex_sdk.process.native_requests`, and `schemas/sdk/` (the JSON Schemas of our
messages, requests and answers). With `--check` it writes nothing and tells what is stale.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from schema.bundle import SchemaError, codex_version, emit_bundle, find_codex
from schema.definitions import load_definitions
from schema.manifest import write_manifest
from schema.methods import read_methods
from schema.render import render_protocol
from schema.requests import write_requests
from schema.surface import write_surface

ROOT = Path(__file__).resolve().parents[1]

CODEX_SCHEMA = Path("schemas/codex")
SDK_SCHEMA = Path("schemas/sdk")
PROTOCOL = Path("packages/codex-sdk/src/codex_sdk/protocol")
REQUESTS = Path("packages/codex-sdk/src/codex_sdk/process/native_requests.pyi")
GENERATED = (CODEX_SCHEMA, SDK_SCHEMA, PROTOCOL, REQUESTS)
"""Files that are generated, and folders that hold nothing else, relative to the root of the repository."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0: done or current, 1: stale, 2: could not run."""
    parser = argparse.ArgumentParser(description="Regenerate the Codex schema bundle, its types and our own schema.")
    parser.add_argument(
        "--codex", metavar="PATH", help="the codex binary (default: the one that agent-sdk[codex] brings)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something is stale")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="agent-sdk-schema-") as temporary:
            fresh = Path(temporary)
            regenerate(find_codex(options.codex), fresh)
            stale = stale_files(fresh, ROOT)
            if not options.check:
                install(fresh, ROOT, stale)
    except SchemaError as error:
        print(f"regenerate_schema: {error}", file=sys.stderr)
        return 2
    if options.check and stale:
        print("stale:", *stale, "run: uv run nox -s schema", sep="\n  ", file=sys.stderr)
        return 1
    print(f"{len(stale)} files written" if stale else "everything is current")
    return 0


def regenerate(codex: Path, out: Path) -> None:
    """Generate everything below `out`, laid out like the repository.

    Raises:
        SchemaError: a step cannot run.
    """
    version = codex_version(codex)
    bundle = out / CODEX_SCHEMA
    with _Step(f"schema bundle of codex {version}"):
        emit_bundle(codex, bundle)
    with _Step("typed protocol"):
        definitions = load_definitions(bundle / "experimental")
        methods = read_methods(bundle / "stable", bundle / "experimental", set(definitions.types))
        render_protocol(definitions, methods, version, out / PROTOCOL)
        (out / REQUESTS).parent.mkdir(parents=True)
        write_requests(definitions, methods, version, out / REQUESTS)
    with _Step("surface"):
        write_surface(bundle, methods, version, out / PROTOCOL)
    for method in methods.untyped:
        print(f"  note: no response type could be derived for {method}")
    with _Step("manifest"):
        write_manifest(bundle, version, definitions)
    with _Step("schema of the SDK's own messages, requests and answers"):
        export_sdk_schema(out / SDK_SCHEMA)


def export_sdk_schema(out: Path) -> None:
    """Write the JSON Schema of our own messages, requests and answers, one file a schema.

    Raises:
        SchemaError: `agent_sdk_core` is not installed.
    """
    try:
        schemas = importlib.import_module("agent_sdk_core.schemas").export_json_schemas()
    except ModuleNotFoundError as error:
        raise SchemaError(f"{error.name} cannot be imported: run this inside the workspace (uv run).") from error
    out.mkdir(parents=True)
    for name, schema in schemas.items():
        (out / name).write_text(json.dumps(schema, indent=2, sort_keys=True) + "\n")


def stale_files(fresh: Path, root: Path) -> list[str]:
    """List the generated files of `root` that are missing, outdated or no longer generated, sorted."""
    names = {path for base in (fresh, root) for path in _files(base)}
    return sorted(name for name in names if _content(fresh / name) != _content(root / name))


def install(fresh: Path, root: Path, names: list[str]) -> None:
    """Bring the named files of `root` to their state in `fresh`."""
    for name in names:
        target = root / name
        if (fresh / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / name, target)
        else:
            target.unlink()


def _files(base: Path) -> Iterator[str]:
    for place in GENERATED:
        for path in (base / place, *(base / place).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(base).as_posix()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


class _Step:
    """Print what begins, and the seconds it took."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        print(f"{self._what} …", end=" ", flush=True)
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        print(f"{time.monotonic() - self._began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
