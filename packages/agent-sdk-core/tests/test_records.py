"""Our `dataclass` against the standard one, feature by feature."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, field

import pytest

from agent_sdk_core.records import dataclass


def entries() -> list[int]:
    return [1]


@dataclass(frozen=True, slots=True)
class Frozen:
    """Frozen."""

    first: int
    second: str = "two"
    third: list[int] = field(default_factory=entries, compare=False)
    hidden: str = field(default="h", repr=False)
    later: int = field(default=3, kw_only=True)


@dataclass(slots=True)
class Open:
    """Open."""

    first: int
    total: int = field(init=False, default=0)
    seen: list[int] = field(init=False, default_factory=entries)

    def __post_init__(self) -> None:
        self.total = self.first + 1


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Single:
    """One field."""

    number: float


@dataclass(frozen=True)
class Held:
    """With a dictionary of its own."""

    first: int


@dataclasses.dataclass(frozen=True, slots=True)
class Derived(Frozen):
    """Made of one by the standard decorator."""

    fourth: int = 4


@dataclass(frozen=True, slots=True)
class DerivedByOurs(Frozen):
    """Made of one by ours."""

    fourth: int = 4


class Plain(Held):
    """A subclass that is no dataclass."""


def test_one_is_made_as_the_standard_one_makes_it() -> None:
    made = Frozen(1, third=[2], later=5)
    assert (made.first, made.second, made.third, made.hidden, made.later) == (1, "two", [2], "h", 5)
    assert Frozen(1).third == [1]
    assert Frozen(1).third is not Frozen(1).third
    assert repr(made) == "Frozen(first=1, second='two', third=[2], later=5)"
    assert str(inspect.signature(Frozen)).startswith("(first: 'int', second: 'str' = 'two', third: 'list[int]' = ")
    assert inspect.signature(Frozen).parameters["later"].kind is inspect.Parameter.KEYWORD_ONLY
    assert Frozen.__match_args__ == ("first", "second", "third", "hidden")
    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required positional argument: 'first'"):
        Frozen()  # pyright: ignore[reportCallIssue]  # that is what is tried


def test_two_are_compared_by_what_they_hold_and_by_their_class() -> None:
    assert Frozen(1, third=[2]) == Frozen(1)
    assert hash(Frozen(1)) == hash(Frozen(1))
    assert Frozen(1) != Frozen(2)
    assert Frozen(1) != Derived(1)
    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing(), Single(1.0), Single(1.0)}) == 2
    assert Single(nan := float("nan")) == Single(nan)
    assert Open(1) == Open(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Open(1))


@pytest.mark.parametrize("kind", [Frozen, Derived, DerivedByOurs, Held])
def test_a_frozen_one_stays_as_it_is(kind: type[Frozen]) -> None:
    made = kind(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'first'"):
        made.first = 2  # pyright: ignore[reportAttributeAccessIssue]  # that is what is tried
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'first'"):
        del made.first  # pyright: ignore[reportAttributeAccessIssue]  # that is what is tried
    assert made.first == 1


def test_a_plain_subclass_may_hold_more() -> None:
    made = Plain(1)
    made.more = 2  # pyright: ignore[reportAttributeAccessIssue]  # that is what is tried
    assert vars(made) == {"first": 1, "more": 2}
    with pytest.raises(FrozenInstanceError):
        made.first = 2  # pyright: ignore[reportAttributeAccessIssue]  # that is what is tried


@pytest.mark.parametrize("made", [Frozen(1, third=[7]), Derived(1), DerivedByOurs(1), Held(1), Open(1), Nothing()])
def test_one_is_copied_pickled_and_replaced(made: Frozen) -> None:
    assert copy.copy(made) == made
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert dataclasses.replace(made) == made
    assert dataclasses.is_dataclass(made)


def test_fields_that_are_not_given_are_made() -> None:
    made = Open(1)
    assert (made.total, made.seen) == (2, [1])
    assert not hasattr(made, "__dict__")
