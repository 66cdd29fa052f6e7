"""Runs the codex binary to emit its JSON Schema bundle, in an environment of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import tempfile
from pathlib import Path

FLAVOURS = {"stable": (), "experimental": ("--experimental",)}
"""Folder name of each bundle and the flags that make the binary emit it."""

SCRATCH = Path(__file__).parents[2] / ".cache"
"""Where the binary's own CODEX_HOME is made: codex refuses one below the system's temporary folder."""

COMMAND_SECONDS = 60.0
"""The binary needs a tenth of a second; a minute means that it hangs."""


class SchemaError(Exception):
    """One sentence for the terminal: what is wrong and what to do."""


def find_codex(explicit: str | None = None) -> Path:
    """Locate the codex binary: the given path, or the one that `openai-codex-cli-bin` carries (never imported).

    Raises:
        SchemaError: there is no executable file at that place.
    """
    if explicit is not None:
        path = Path(explicit).expanduser().absolute()
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise SchemaError(f"No executable codex binary at {explicit}: pass the path of one with --codex.")
        return path
    spec = importlib.util.find_spec("codex_cli_bin")
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(location) / "bin" / "codex"
        if path.is_file():
            return path
    raise SchemaError("No codex binary found: install agent-sdk[codex], or pass --codex PATH.")


def codex_version(codex: Path) -> str:
    """Return the version that the binary reports, such as `0.163.0`.

    Raises:
        SchemaError: the file does not run, or does not answer like codex.
    """
    output = _run(codex, "--version")
    match = re.fullmatch(r"codex\S*\s+(\S+)", output.strip())
    if match is None:
        raise SchemaError(f"{codex.name} --version answered {output.strip()[:80]!r}, which is no codex binary.")
    return match[1]


def emit_bundle(codex: Path, out: Path) -> None:
    """Write the bundles to `out/stable` and `out/experimental`, exactly as the binary emits them.

    Raises:
        SchemaError: the binary is too old to know the command, or fails.
    """
    for name, flags in FLAVOURS.items():
        folder = out / name
        folder.mkdir(parents=True)
        try:
            _run(codex, "app-server", "generate-json-schema", *flags, "--out", str(folder))
        except SchemaError as error:
            if re.search(r"unrecognized subcommand|unexpected argument|invalid value", str(error)):
                version = codex_version(codex)
                raise SchemaError(
                    f"codex {version} is too old: it has no `app-server generate-json-schema`."
                ) from error
            raise
        if not any(folder.iterdir()):
            raise SchemaError(f"codex wrote no {name} schema files.")


def _run(codex: Path, *arguments: str) -> str:
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="schema-home-", dir=SCRATCH) as home:
        environment = {"HOME": home, "CODEX_HOME": home, "PATH": os.defpath, "LC_ALL": "C", "NO_COLOR": "1"}
        try:
            done = subprocess.run(
                [codex, *arguments],
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except OSError as error:
            raise SchemaError(f"{codex} does not run: {error.strerror}.") from error
        except subprocess.TimeoutExpired as error:
            raise SchemaError(f"codex {' '.join(arguments[:2])} gave no answer in {COMMAND_SECONDS:.0f} s.") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        said = next((line for line in lines if line.lower().startswith("error")), lines[-1])
        raise SchemaError(f"codex {' '.join(arguments[:2])} failed with exit code {done.returncode}: {said.strip()}")
    return done.stdout
