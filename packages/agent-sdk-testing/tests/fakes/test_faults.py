from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from agent_sdk_testing import Fault
from agent_sdk_testing.fakes.faults import LETHAL, FaultInjector, FaultKind


class Process:
    """What would be done to a process."""

    def __init__(self) -> None:
        self.out = b""
        self.done: list[Any] = []

    def write_bytes(self, data: bytes) -> None:
        self.out += data

    def write_long_line(self, size: int) -> None:
        self.out += b"long\n"

    def log(self, text: str) -> None:
        self.done.append(("log", len(text)))

    def leave_child(self) -> None:
        self.done.append("child")

    def close_stdout(self) -> None:
        self.done.append("close")

    def close_stdin(self) -> None:
        self.done.append("close in")

    def exit(self, code: int = 0, *, log: str | None = None) -> None:
        self.done.append(("exit", code))

    def kill(self, number: int = 9) -> None:
        self.done.append("kill")


def written(kind: FaultKind, frame: int = 1) -> tuple[bytes, list[Any]]:
    """Return what becomes of three lines."""
    process = Process()
    injector = FaultInjector(process, [Fault(kind, frame=frame)])
    for line in (b"one", b"two", b"three"):
        injector.write(line)
    return process.out, process.done


@pytest.mark.parametrize(
    ("kind", "out"),
    [
        ("die", b"one\n"),
        ("exit", b"one\n"),
        ("half line", b"one\ntw"),
        ("hang", b"one\n"),
        ("close stdout", b"one\n"),
        ("close stdin", b"one\ntwo\nthree\n"),
        ("grandchild", b"one\n"),
        ("lost", b"one\nthree\n"),
        ("twice", b"one\ntwo\ntwo\nthree\n"),
        ("late", b"one\nthree\ntwo\n"),
        ("long line", b"one\nlong\ntwo\nthree\n"),
        ("stderr", b"one\ntwo\nthree\n"),
    ],
)
def test_what_becomes_of_a_line(kind: FaultKind, out: bytes) -> None:
    assert written(kind)[0] == out


def test_what_befalls_the_process() -> None:
    kinds: list[FaultKind] = list(get_args(FaultKind))
    done = {kind: written(kind)[1] for kind in kinds}
    assert done["die"] == done["half line"] == ["kill"]
    assert done["grandchild"] == ["child", "kill"]
    assert done["exit"] == [("exit", 3)]
    assert done["close stdout"] == ["close"]
    assert done["close stdin"] == ["close in"]
    assert done["stderr"][0][1] > 1_000_000
    assert {kind for kind, what in done.items() if what} == LETHAL | {"stderr", "close stdin"}


@pytest.mark.parametrize("kind", ["garbage", "invalid utf-8"])
def test_what_goes_before_a_line_is_no_json(kind: FaultKind) -> None:
    one, odd, two, three = written(kind)[0].splitlines()
    assert (one, two, three) == (b"one", b"two", b"three")
    with pytest.raises(ValueError, match=r"."):
        json.loads(odd)


def test_the_unknown_is_json() -> None:
    lines = written("unknown")[0].splitlines()
    assert [json.loads(line) for line in lines[1:-2]]
    assert lines[-2:] == [b"two", b"three"]


def test_a_line_that_is_late_for_ever_is_never_written() -> None:
    assert written("late", frame=2)[0] == b"one\ntwo\n"


def test_several_faults_befall_one_line() -> None:
    process = Process()
    FaultInjector(process, [Fault("twice"), Fault("die"), Fault("stderr")]).write(b"one")
    assert process.out == b""
    assert process.done[0] == "kill"


def test_a_fault_that_does_not_exist_is_met_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="There is no fault 'explode'; there are: die, exit"):
        Fault("explode")  # pyright: ignore[reportArgumentType]  # what is refused
