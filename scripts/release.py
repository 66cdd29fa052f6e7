"""The version of all distributions: read where it stands, and written there for a release.

They are released together, in one version, and each asks for the others in exactly that one. `pyproject.toml` of the
workspace says which; the other places must agree with it, which `tests/test_release.py` checks.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT: Final = Path(__file__).resolve().parents[1]

_FIELD: Final = re.compile(r'(?<=^version = ")[^"]+(?="$)', re.MULTILINE)
_CONSTANT: Final = re.compile(r'(?<=^__version__ = ")[^"]+(?="$)', re.MULTILINE)
_UNRELEASED: Final = re.compile(r"^## Unreleased\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class ReleaseError(Exception):
    """The release cannot be made; the message says why."""


def projects(root: Path) -> dict[str, Path]:
    """Return the `pyproject.toml` of each distribution, by its name."""
    paths = sorted(root.glob("packages/*/pyproject.toml"))
    return {tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"]: path for path in paths}


def version_places(root: Path) -> dict[str, str]:
    """Return the version that each place of the tree says, by what and where it is.

    A requirement of ours on ours that is not exact says its whole specifier.
    """
    found = {"pyproject.toml": _project(root / "pyproject.toml")["version"]}
    ours = projects(root)
    for entry in tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"].get(
        "dependency-metadata", []
    ):
        if entry["name"] in ours:
            found[f"dependency-metadata of {entry['name']}"] = entry["version"]
    for name, path in ours.items():
        project = _project(path)
        found[name] = project["version"]
        extras = project.get("optional-dependencies", {}).values()
        for entry in [*project["dependencies"], *(entry for extra in extras for entry in extra)]:
            required = Requirement(entry)
            if canonicalize_name(required.name) in ours:
                found[f"{name} asks for {entry.partition('==')[0]}"] = str(required.specifier).removeprefix("==")
        for module in _modules(path):
            told = _CONSTANT.findall(module.read_text(encoding="utf-8"))
            found[str(module.relative_to(root))] = told[0] if len(told) == 1 else f"{len(told)} constants"
    return found


def set_version(root: Path, wanted: str, day: str) -> list[Path]:
    """Write a version everywhere, and its heading into the changelog; return the files that changed.

    Args:
        root: The tree.
        wanted: The version, such as "0.2.0".
        day: The day of the release, such as "2026-12-01".

    Raises:
        ReleaseError: It is no version, an older one or a released one, or the changelog says nothing about it.
    """
    try:
        version = str(Version(wanted))
    except InvalidVersion:
        raise ReleaseError(f"{wanted!r} is no version; write one such as 0.2.0.") from None
    current = _project(root / "pyproject.toml")["version"]
    if Version(version) < Version(current):
        raise ReleaseError(f"{version} is older than {current}, which the tree is already at.")
    log = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if re.search(rf"^## {re.escape(version)}\b", log, re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has a heading for {version} already: it was released.")
    if (news := _UNRELEASED.search(log)) is None or not news[1].strip():
        raise ReleaseError("CHANGELOG.md says nothing below `## Unreleased`: what would be released?")

    ours = "|".join(re.escape(name) for name in projects(root))
    asked = re.compile(rf'("(?:{ours})(?:\[[\w,-]+\])?==)[^"]+')
    described = re.compile(rf'(name = "(?:{ours})"\nversion = ")[^"]+')
    texts = {root / "CHANGELOG.md": log.replace("## Unreleased\n", f"## Unreleased\n\n## {version} ({day})\n", 1)}
    for path in [root / "pyproject.toml", *projects(root).values()]:
        text = _FIELD.sub(version, path.read_text(encoding="utf-8"), count=1)
        texts[path] = described.sub(rf"\g<1>{version}", asked.sub(rf"\g<1>{version}", text))
        for module in _modules(path):
            texts[module] = _CONSTANT.sub(version, module.read_text(encoding="utf-8"))
    changed = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    for path in changed:
        path.write_text(texts[path], encoding="utf-8")
    return changed


def _project(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))["project"]


def _modules(project: Path) -> list[Path]:
    return sorted(project.parent.glob("src/*/__init__.py"))


def main(arguments: list[str] | None = None) -> int:
    """Set the version; 0 when it stands everywhere."""
    parser = argparse.ArgumentParser(description="Write the version of a release everywhere it stands.")
    parser.add_argument("version", help="the version, such as 0.2.0")
    parser.add_argument("--day", default=f"{datetime.now(UTC):%Y-%m-%d}", help="its day (default: today, UTC)")
    parsed = parser.parse_args(arguments)
    try:
        changed = set_version(ROOT, parsed.version, parsed.day)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{parsed.version} stands in {len(changed)} more files; commit them, and tag the commit v{parsed.version}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
