"""Describes the committed bundle: what the binary offers by name and number, and the digest of every file."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version as installed_version
from pathlib import Path

from schema.bundle import FLAVOURS
from schema.definitions import Definitions
from schema.methods import method_names

ENVELOPES = {
    "client_requests": "ClientRequest",
    "server_notifications": "ServerNotification",
    "server_requests": "ServerRequest",
    "client_notifications": "ClientNotification",
}


def write_manifest(folder: Path, version: str, definitions: Definitions) -> None:
    """Write `folder/manifest.json` about the bundles in `folder`."""
    names = {
        flavour: {kind: method_names(folder / flavour, envelope) for kind, envelope in ENVELOPES.items()}
        for flavour in FLAVOURS
    }
    files = sorted(path for flavour in FLAVOURS for path in (folder / flavour).rglob("*") if path.is_file())
    manifest = {
        "codex": version,
        "counts": {
            flavour: {kind: len(methods) for kind, methods in kinds.items()} for flavour, kinds in names.items()
        },
        "files": {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "generator": f"datamodel-code-generator {installed_version('datamodel-code-generator')}",
        "item_types": sorted(definitions.types["KnownThreadItem"]["discriminator"]["mapping"]),
        "methods": names,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
