"""What the manifests of the documentation start is what the command line of Ray takes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from tests.docs.test_manifests import manifest


def starts() -> Iterator[list[str]]:
    """Return the arguments of `ray start` by service of Compose, and by group of KubeRay, which has each as a flag."""
    for service in manifest("services")["services"].values():
        yield shlex.split(service["command"])[2:]
    spec = manifest("kind")["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        yield [f"--{name}={value}" for name, value in group["rayStartParams"].items()]


@pytest.mark.parametrize("arguments", list(starts()), ids=" ".join)
def test_ray_takes_what_a_manifest_gives_it(arguments: list[str]) -> None:
    scripts: Any = import_module("ray.scripts.scripts")
    taken: dict[str, Any] = scripts.start.make_context("start", list(arguments)).params
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        assert str(taken[name.replace("-", "_")]) == (value or "True")
