"""Versions that all machines of a fleet have to have alike: what is not is refused with words, before anything runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from agent_sdk_core.errors import UnsupportedVersionError
from agent_sdk_core.hosting.remote import PROTOCOL

_LABEL: Final = "agent-sdk.versions/"
_RAY_DIFFERS: Final = "Version mismatch: "
_RAY_TELLS: Final = re.compile(r"Ray: (\S+)\s+Python: (\S+)")


def versions() -> dict[str, str]:
    """Return the versions of this machine: of Python its minor one, for the others the whole."""
    return {
        "python": ".".join(map(str, sys.version_info[:2])),
        "ray": _installed("ray"),
        "agent-sdk": _installed("agent-sdk-base"),
        "protocol": str(PROTOCOL),
    }


def version_labels() -> dict[str, str]:
    """Return the versions of this machine as labels of its node, by which others know them before they use it."""
    return {f"{_LABEL}{name}": value for name, value in versions().items()}


def versions_of(labels: Mapping[str, str]) -> dict[str, str] | None:
    """Return the versions that the labels of a node tell; None: they tell none."""
    told = {name.removeprefix(_LABEL): value for name, value in labels.items() if name.startswith(_LABEL)}
    return told or None


def require_same(host: str, theirs: Mapping[str, str]) -> None:
    """Refuse a host that has other versions than this machine.

    Raises:
        UnsupportedVersionError: The message names each that differs.
    """
    _refuse(f"Host {host}", {name: (theirs.get(name, "none"), own) for name, own in versions().items()}, {"host": host})


def refuse_if_ray_does(whom: str, said: str) -> None:
    """Refuse what Ray itself does not work with, for its own version or Python's differs: that one to the last number.

    Args:
        whom: What was to be reached, as a sentence begins with it.
        said: What Ray said, of this or of anything else.

    Raises:
        UnsupportedVersionError: It is of versions; the message names each that differs.
    """
    if _RAY_DIFFERS in said and len(told := _RAY_TELLS.findall(said)) > 1:
        (ray_there, python_there), (ray_here, python_here) = told[:2]
        _refuse(whom, {"python": (python_there, python_here), "ray": (ray_there, ray_here)}, {})


def _refuse(whom: str, compared: Mapping[str, tuple[str, str]], details: Mapping[str, object]) -> None:
    skew = {name: pair for name, pair in compared.items() if pair[0] != pair[1]}
    if skew:
        told = "; ".join(f"{name} {there} there, {here} here" for name, (there, here) in skew.items())
        raise UnsupportedVersionError(
            f"{whom} and this machine differ: {told}. Install the same versions on all machines of the fleet.",
            backend="fleet",
            details={**details, "differ": {name: list(pair) for name, pair in skew.items()}},
        )


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
