"""What a stranger's configuration file may cost before it is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent_sdk_core.config import files
from agent_sdk_core.errors import InvalidRequestError

_SECONDS = 20.0
"""Of CPU time, so that a loaded machine adds none."""


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 50_000 + " = 1",
        "[" + "a." * 50_000 + "a]",
        "[[" + "a." * 50_000 + "a]]",
        "x = {" + "a." * 50_000 + "a = 1}",
        '"a".' * 50_000 + '"b" = 1',
        "a " + " . a" * 50_000 + " = 1",
        "x = " + "[" * 50_000,
        "x = " + "{a = " * 50_000,
    ],
)
def test_a_file_that_would_take_the_parser_minutes_is_refused_at_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".agent-sdk.toml"
    path.write_text(text)
    before = time.process_time()
    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        files.read("workspace", path)
    assert time.process_time() - before < _SECONDS


@pytest.mark.parametrize(
    "text",
    [
        's = "' + "a." * 1_000 + '"',
        "s = '" + "[" * 1_000 + "'",
        's = """\n' + "a.b.c " * 500 + '\n"""',
        "s = '''\n" + "{" * 1_000 + "\n'''",
        's = """' + '\\"' * 1_000 + '"""',
        "# " + "a." * 1_000,
        "s = [" + "1.5, " * 1_000 + "]",
        "[a.b.c]\nd.e = {f.g = 1}",
    ],
)
def test_dots_and_brackets_in_strings_comments_and_lists_do_not_count(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    assert files.read("user", path).data or text.startswith("#")


def test_a_setting_in_a_long_file_is_located_in_a_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# model\n" * 60_000 + 'model = "m"\n')
    document = files.read("user", path)
    before = time.process_time()
    assert document.source(("model",)).path == path
    assert time.process_time() - before < _SECONDS
