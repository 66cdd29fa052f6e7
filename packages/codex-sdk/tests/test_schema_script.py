"""`scripts/regenerate_schema.py`: what it regenerates is committed, and what is wrong it says in a sentence."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
PROTOCOL = Path("packages/codex-sdk/src/codex_sdk/protocol")
REQUESTS = PROTOCOL.parent / "process/native_requests.pyi"


def run_script(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPTS / "regenerate_schema.py", *arguments],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    return importlib.import_module("regenerate_schema")


def find_nothing(name: str) -> None:
    """Stand in for `find_spec` where nothing is installed."""


def executable(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_everything_committed_is_current() -> None:
    done = run_script("--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "everything is current" in done.stdout


def test_the_split_the_surface_and_the_stub_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from schema.areas import split; from schema.definitions import load_definitions\n"
        "from schema.methods import read_methods\n"
        "stable, experimental = Path(sys.argv[2]) / 'stable', Path(sys.argv[2]) / 'experimental'\n"
        "definitions = load_definitions(experimental)\n"
        "methods = read_methods(stable, experimental, set(definitions.types))\n"
        "print(methods); print(split(definitions, methods))\n"
        "from schema.surface import write_surface; out = Path(sys.argv[3]); out.mkdir()\n"
        "write_surface(experimental.parent, methods, '1.0.0', out); print((out / 'surface.json').read_text())\n"
        "from schema.requests import write_requests\n"
        "write_requests(definitions, methods, '1.0.0', out / 'requests.pyi'); print((out / 'requests.pyi').read_text())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, SCRIPTS, ROOT / "schemas" / "codex", tmp_path / seed],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_a_path_without_a_binary_is_named(tmp_path: Path) -> None:
    done = run_script("--codex", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert done.stderr.startswith("regenerate_schema: No executable codex binary at ")
    assert done.stderr.count("\n") == 1


def test_a_binary_that_is_not_codex_is_refused(tmp_path: Path) -> None:
    done = run_script("--codex", executable(tmp_path / "other", "echo hello"))
    assert done.returncode == 2
    assert "which is no codex binary" in done.stderr


def test_a_file_that_does_not_run_is_refused(tmp_path: Path) -> None:
    path = executable(tmp_path / "broken", "")
    Path(path).write_text("#!/no/such/interpreter\n")
    done = run_script("--codex", path)
    assert done.returncode == 2
    assert "does not run" in done.stderr


def test_a_binary_too_old_for_the_command_is_named_with_its_version(tmp_path: Path) -> None:
    body = """[ "$1" = --version ] && { echo codex-cli 0.30.0; exit 0; }
echo "error: unrecognized subcommand 'generate-json-schema'" >&2; exit 2"""
    done = run_script("--check", "--codex", executable(tmp_path / "codex", body))
    assert done.returncode == 2
    assert "codex 0.30.0 is too old" in done.stderr


def test_a_failing_binary_is_quoted(tmp_path: Path) -> None:
    body = """[ "$1" = --version ] && { echo codex-cli 1.0.0; exit 0; }
echo "disk full" >&2; exit 7"""
    done = run_script("--codex", executable(tmp_path / "codex", body))
    assert done.returncode == 2
    assert "failed with exit code 7: disk full" in done.stderr


def test_a_binary_that_writes_nothing_is_reported(tmp_path: Path) -> None:
    done = run_script("--codex", executable(tmp_path / "codex", "echo codex-cli 1.0.0"))
    assert done.returncode == 2
    assert "wrote no stable schema files" in done.stderr


def test_the_binary_sees_neither_our_environment_nor_our_home(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    body = f'env > {seen}\n[ "$1" = --version ] && {{ echo codex-cli 1.0.0; exit 0; }}\nexit 1'
    run_script(
        "--codex", executable(tmp_path / "codex", body), OPENAI_API_KEY="never", HOME="/never", CODEX_HOME="/never"
    )
    names = {line.split("=")[0]: line for line in seen.read_text().splitlines()}
    assert "OPENAI_API_KEY" not in names
    assert "/never" not in names["CODEX_HOME"] + names["HOME"]


def test_a_missing_generator_is_named(script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    render = importlib.import_module("schema.render")
    monkeypatch.setattr(render.importlib.util, "find_spec", find_nothing)
    with pytest.raises(script.SchemaError, match="datamodel-code-generator is missing"):
        render._generate_models({}, tmp_path)


def test_a_missing_package_is_named(script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    surface = importlib.import_module("schema.surface")
    monkeypatch.setitem(sys.modules, "codex_sdk.drift.reading", None)
    with pytest.raises(script.SchemaError, match=r"codex_sdk.drift.reading cannot be imported: .*uv run"):
        surface.write_surface(tmp_path, None, "1.0.0", tmp_path)


def test_no_installed_binary_asks_for_one(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = importlib.import_module("schema.bundle")
    monkeypatch.setattr(bundle.importlib.util, "find_spec", find_nothing)
    with pytest.raises(script.SchemaError, match="pass --codex PATH"):
        script.find_codex()


def test_check_lists_what_is_stale_and_a_run_repairs_it(
    script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def regenerate(codex: Path, out: Path) -> None:
        for name, text in (("turn.py", "new"), ("items.py", "same"), ("added.py", "x")):
            (out / PROTOCOL).mkdir(parents=True, exist_ok=True)
            (out / PROTOCOL / name).write_text(text)
        (out / REQUESTS).parent.mkdir(exist_ok=True)
        (out / REQUESTS).write_text("new")

    folder = tmp_path / PROTOCOL
    (folder / "__pycache__").mkdir(parents=True)
    for name, text in (("turn.py", "old"), ("items.py", "same"), ("gone.py", "x"), ("__pycache__/turn.pyc", "x")):
        (folder / name).write_text(text)
    (tmp_path / REQUESTS).parent.mkdir()
    (tmp_path / REQUESTS).write_text("old")
    (tmp_path / REQUESTS).with_suffix(".py").write_text("ours")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "regenerate", regenerate)

    assert script.main(["--check"]) == 1
    stale = [f"  {PROTOCOL / name}" for name in ("added.py", "gone.py", "turn.py")]
    stale.insert(0, f"  {REQUESTS}")
    assert capsys.readouterr().err.splitlines() == ["stale:", *stale, "  run: uv run nox -s schema"]

    assert script.main([]) == 0
    assert capsys.readouterr().out == "4 files written\n"
    assert script.main(["--check"]) == 0
    assert {path.name for path in folder.glob("*.py")} == {"turn.py", "items.py", "added.py"}
    assert (folder / "__pycache__" / "turn.pyc").is_file()
    assert [(tmp_path / REQUESTS).with_suffix(suffix).read_text() for suffix in (".py", ".pyi")] == ["ours", "new"]


def test_what_the_wire_lets_be_null_may_be_left_out(script: Any) -> None:
    bundle = ROOT / "schemas" / "codex" / "experimental"
    requests = importlib.import_module("schema.requests")
    definitions = importlib.import_module("schema.definitions").load_definitions(bundle)
    variants = [variant["properties"] for variant in json.loads((bundle / "ClientRequest.json").read_text())["oneOf"]]
    params = {variant["method"]["enum"][0]: variant["params"] for variant in variants}
    named = importlib.import_module("schema.methods").referenced_name
    left_out = {method for method in params if requests.may_be_left_out(named(params[method]), definitions)}
    assert {method for method, schema in params.items() if '"null"' in json.dumps(schema)} < left_out
    assert left_out >= {"model/list", "thread/start"}
    assert left_out.isdisjoint({"turn/start", "account/login/start", "thread/read"})
