"""Keeps `schemas/acp/`: the published schemas of the Agent Client Protocol, as its TypeScript package carries them.

Fetches the package with npm and writes its schemas and their manifest. With `--check` it writes nothing, and tells what
differs from what is committed; with `--version` of another release, which methods and updates came or went.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from agent_chat.web.bundle import BundleError, find_node

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "schemas/acp"
PACKAGE = "@agentclientprotocol/sdk"
VERSION = "2.4.0"
SCHEMAS = {
    f"v{version}{suffix}": f"v{version}/schema{suffix}.json" for version in (1, 2) for suffix in ("", ".unstable")
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0: done or current, 1: it differs, 2: could not run."""
    parser = argparse.ArgumentParser(description="Fetch, check or compare the schemas of the Agent Client Protocol.")
    parser.add_argument("--version", default=VERSION, help=f"release of {PACKAGE} (default: {VERSION})")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something differs")
    options = parser.parse_args(arguments)
    try:
        published = fetch(options.version)
    except (BundleError, OSError, subprocess.SubprocessError, KeyError, tarfile.TarError) as error:
        print(f"acp_schema: {PACKAGE} {options.version} could not be fetched: {error}", file=sys.stderr)
        return 2
    told = changes(committed(), published)
    if not options.check:
        write(published, options.version)
    print("\n".join(told) or "everything is current")
    return 1 if told and options.check else 0


def fetch(version: str) -> dict[str, bytes]:
    """Return the schemas of a release, by their place in `schemas/acp/`."""
    node, npm = find_node()
    with tempfile.TemporaryDirectory(prefix="acp-schema-") as folder:
        command = [str(node), str(npm), "pack", "--silent", f"{PACKAGE}@{version}"]
        name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120).stdout
        with tarfile.open(fileobj=io.BytesIO((Path(folder) / name.strip()).read_bytes())) as archive:
            return {path: _member(archive, f"package/schema/{path}") for path in SCHEMAS.values()}


def _member(archive: tarfile.TarFile, path: str) -> bytes:
    file = archive.extractfile(path)
    if file is None:
        raise KeyError(f"{path} is no file of the package")
    return file.read()


def committed() -> dict[str, bytes]:
    """Return what is committed, as `fetch` does."""
    return {path: (FOLDER / path).read_bytes() for path in SCHEMAS.values() if (FOLDER / path).is_file()}


def write(schemas: dict[str, bytes], version: str) -> None:
    """Write the schemas and the manifest: where they come from, what each offers, the digest of each file."""
    for path, content in schemas.items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_bytes(content)
    offered = {name: census(json.loads(schemas[path])) for name, path in SCHEMAS.items()}
    manifest = {
        "package": PACKAGE,
        "version": version,
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in schemas.items()},
        "methods": {name: offered[name]["methods"] for name in offered},
        "updates": {name: offered[name]["updates"] for name in offered},
    }
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def census(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the methods of a schema by the side that is called, the updates of a session, and all fields."""
    definitions: dict[str, Any] = schema["$defs"]
    methods: dict[str, list[str]] = {}
    for each in definitions.values():
        if "x-method" in each and each["x-method"] not in methods.setdefault(each["x-side"], []):
            methods[each["x-side"]].append(each["x-method"])
    update = definitions["SessionUpdate"]
    tags = [each.get("properties", {}).get("sessionUpdate", {}) for each in update.get("oneOf", update.get("anyOf"))]
    return {
        "methods": {side: sorted(names) for side, names in methods.items()},
        "updates": sorted(tag["const"] for tag in tags if "const" in tag),
        "fields": sorted(f"{name}.{key}" for name, each in definitions.items() for key in each.get("properties", {})),
    }


def changes(old: dict[str, bytes], new: dict[str, bytes]) -> list[str]:
    """Return what came and went between two sets of schemas, a line each."""
    told: list[str] = []
    for name, path in SCHEMAS.items():
        if old.get(path) == new[path]:
            continue
        before, after = (_words(each) for each in (old.get(path), new[path]))
        told += [f"{name}: + {word}" for word in sorted(after - before)]
        told += [f"{name}: - {word}" for word in sorted(before - after)]
        told += [f"{name}: its text changed"] * (before == after)
    return told


def _words(content: bytes | None) -> set[str]:
    if content is None:
        return set()
    found = census(json.loads(content))
    methods = {f"{method} (to the {side})" for side, names in found["methods"].items() for method in names}
    return methods | {f"update {name}" for name in found["updates"]} | set(found["fields"])


if __name__ == "__main__":
    sys.exit(main())
