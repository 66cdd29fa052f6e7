"""`scripts/release.py`: the version stands everywhere alike, and is written everywhere at once."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    return importlib.import_module("release")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The places of the version, and a changelog with news, in a folder of their own."""
    places = ["pyproject.toml", *(str(path.relative_to(ROOT)) for path in ROOT.glob("packages/*/pyproject.toml"))]
    places += [str(path.relative_to(ROOT)) for path in ROOT.glob("packages/*/src/*/__init__.py")]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / place, tmp_path / place)
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n- News.\n\n## 0.0.1 (2026-01-01)\n\n- Old.\n"
    )
    return tmp_path


def test_every_place_says_the_same_version(script: Any) -> None:
    places: dict[str, str] = script.version_places(ROOT)
    said = places["pyproject.toml"]
    assert {place: version for place, version in places.items() if version != said} == {}
    assert {place for place in places if place.endswith("__init__.py")} == {
        str(path.relative_to(ROOT)) for path in ROOT.glob("packages/*/src/*/__init__.py")
    }


def test_a_release_writes_it_everywhere_and_heads_the_news(script: Any, tree: Path) -> None:
    before = {path: path.read_text() for path in tree.rglob("*.toml")}
    changed = script.set_version(tree, "7.8.9rc1", "2026-12-01")
    assert set(script.version_places(tree).values()) == {"7.8.9rc1"}
    assert set(changed) == {path for path in tree.rglob("*") if path.is_file()}
    assert (tree / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## Unreleased\n\n## 7.8.9rc1 (2026-12-01)\n\n- News.\n\n## 0.0.1 (2026-01-01)\n\n- Old.\n"
    )
    said = script.version_places(ROOT)["pyproject.toml"]
    for path, text in before.items():
        assert path.read_text() == text.replace(f'version = "{said}"', 'version = "7.8.9rc1"').replace(
            f"=={said}", "==7.8.9rc1"
        )


def test_the_version_that_the_tree_is_at_can_be_released_once(script: Any, tree: Path) -> None:
    said = script.version_places(tree)["pyproject.toml"]
    assert script.set_version(tree, said, "2026-12-01") == [tree / "CHANGELOG.md"]
    with pytest.raises(script.ReleaseError, match="was released"):
        script.set_version(tree, said, "2026-12-02")
    with pytest.raises(script.ReleaseError, match="what would be released"):
        script.set_version(tree, "9.9", "2026-12-02")


@pytest.mark.parametrize(("wanted", "why"), [("next", "is no version"), ("0.0.2", "is older than"), ("", "no version")])
def test_what_cannot_be_released_is_refused_and_nothing_is_written(
    script: Any, tree: Path, wanted: str, why: str
) -> None:
    before = {path: path.read_text() for path in tree.rglob("*") if path.is_file()}
    with pytest.raises(script.ReleaseError, match=why):
        script.set_version(tree, wanted, "2026-12-01")
    assert {path: path.read_text() for path in before} == before


def test_the_command_says_what_it_did_or_why_not(
    script: Any, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "ROOT", tree)
    assert script.main(["7.8.9"]) == 0
    assert capsys.readouterr().out.startswith("7.8.9 stands in ")
    assert script.main(["7.8.9"]) == 1
    assert "was released" in capsys.readouterr().err
