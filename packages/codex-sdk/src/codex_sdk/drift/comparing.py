"""Compares two surfaces from their methods down. Pure.

Shapes are paired by where they stand, not by name, so that one that was only renamed is not a difference. What the SDK
sends must still be taken, so a lost alternative hits it; what it reads must still come, so a new one does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from agent_sdk_core.records import dataclass
from codex_sdk.drift.protocol_usage import USED, Used
from codex_sdk.drift.report import Change, ChangeKind, Drift, Effect
from codex_sdk.drift.surface import METHOD_KINDS, Field, Fields, Method, MethodKind, Surface, members

_NAMES: Final[Mapping[MethodKind, str]] = {
    "client_requests": "request",
    "client_notifications": "notification of the client",
    "server_requests": "request of the server",
    "server_notifications": "notification",
}

_SEVERITY: Final[tuple[Effect, ...]] = ("none", "less", "fatal")


def compare(shipped: Surface, found: Surface, used: Used = USED) -> Drift:
    """Return how `found` differs from `shipped`.

    Args:
        shipped: The protocol that this package was made for.
        found: The other one.
        used: What of the protocol is used.
    """
    comparison = _Comparison(shipped, found, used)
    for kind in METHOD_KINDS:
        comparison.methods(kind)
    return Drift(shipped.version, found.version, comparison.result())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where two types stand.

    Attributes:
        subject: What a change here is called.
        used: Whether the SDK touches this place.
        needed: Whether no session works without it.
        sent: Whether the SDK sends it; else it reads it.
    """

    subject: str
    used: bool
    needed: bool
    sent: bool


class _Comparison:
    def __init__(self, shipped: Surface, found: Surface, used: Used) -> None:
        self._shipped = shipped
        self._found = found
        self._used = used
        self._changes: dict[tuple[str, ChangeKind, str], Change] = {}
        self._visited: set[tuple[str, str, _Place]] = set()

    def result(self) -> tuple[Change, ...]:
        return tuple(sorted(self._changes.values()))

    def methods(self, kind: MethodKind) -> None:
        old, new = self._shipped.methods(kind), self._found.methods(kind)
        for name in sorted({*old, *new}):
            used, needed = name in self._used.methods, name in self._used.needed
            place = _Place(name, used, needed, kind.startswith("client"))
            if name not in new:
                self._note(place, "removed", _NAMES[kind], hurts=name not in self._used.spared)
            elif name not in old:
                self._note(place, "added", _NAMES[kind])
            else:
                self._method(place, kind, old[name], new[name])

    def _method(self, place: _Place, kind: MethodKind, old: Method, new: Method) -> None:
        if old.experimental != new.experimental:
            self._note(place, "changed", f"{_NAMES[kind]}, {_status(new.experimental)} now")
        for what, before, after, sent in (
            ("params", old.params, new.params, place.sent),
            ("result", old.response, new.response, not place.sent),
        ):
            there = replace(place, subject=f"{place.subject} {what}", sent=sent)
            if before is not None and after is not None:
                self._types(there, before, after)
            elif before != after:
                self._note(there, "changed", f"{before or 'none'} is now {after or 'none'}", hurts=True)

    def _types(self, place: _Place, before: str, after: str) -> None:
        """Compare two expressions: what stands in the same place, then what is left over."""
        old, new = set(_flat(before, self._shipped)), set(_flat(after, self._found))
        detail = f"{' | '.join(sorted(old))} is now {' | '.join(sorted(new))}"
        for left, right in list(_pairs(old, new, self._shipped, self._found)):
            old.discard(left)
            new.discard(right)
            if left[:1] in ("[", "{"):
                self._types(place, left[1:-1], right[1:-1])
            elif left in self._shipped.shapes:
                self._shapes(place, left, right)
        if old or new:
            lost = {member for member in old if not ("string" in new and _is_enumeration(member, self._shipped))}
            gained = {member for member in new if not ("string" in old and _is_enumeration(member, self._found))}
            if "string" in new and lost != old:
                gained.discard("string")  # What was an enumeration is any string now, and is read as one.
            self._note(place, "changed", detail, hurts=bool(lost if place.sent else gained - {"null"}))

    def _shapes(self, place: _Place, before: str, after: str) -> None:
        place = replace(place, subject=before)
        if (before, after, place) in self._visited:
            return
        self._visited.add((before, after, place))
        old, new = self._shipped.shapes[before], self._found.shapes[after]
        self._fields(place, old.fields, new.fields)
        self._members(place, "value", old.values, new.values)
        self._members(place, "variant", old.variants, new.variants)
        for name in sorted(old.variants.keys() & new.variants.keys()):
            there = self._inside(place, f"{before}.{name}", name, self._used.values)
            self._fields(there, old.variants[name], new.variants[name])
        if old.tag != new.tag and old.variants and new.variants:
            self._note(place, "changed", f"tag {old.tag} is now {new.tag}", hurts=True)
        if old.alias and new.alias:
            self._types(place, old.alias, new.alias)
        elif old.alias != new.alias:
            self._note(place, "changed", f"{old.alias or 'nothing else'} is now {new.alias or 'nothing else'}")

    def _members(self, place: _Place, what: str, old: Collection[str], new: Collection[str]) -> None:
        for name in sorted({*old, *new}):
            there = self._inside(place, f'{place.subject} "{name}"', name, self._used.values)
            if name not in new:
                self._note(there, "removed", what, hurts=True)
            elif name not in old:
                self._note(there, "added", what)

    def _fields(self, place: _Place, old: Fields, new: Fields) -> None:
        for name in sorted({*old, *new}):
            there = self._inside(place, f"{place.subject}.{name}", name, self._used.fields)
            if name not in new:
                self._note(there, "removed", "field", hurts=True)
            elif name in old:
                self._field(there, old[name], new[name], owner=place)
            elif new[name].required and place.sent:
                self._note(replace(place, subject=there.subject), "added", "field, required", hurts=True)
            else:
                self._note(there, "added", "field")

    def _field(self, place: _Place, old: Field, new: Field, *, owner: _Place) -> None:
        if old.required != new.required:
            detail = f"field, {'required' if new.required else 'optional'} now"
            unsent = place.sent and new.required and not place.used
            there = replace(owner, subject=place.subject) if unsent else place
            self._note(there, "changed", detail, hurts=unsent)
        if old.experimental != new.experimental:
            self._note(place, "changed", f"field, {_status(new.experimental)} now")
        self._types(place, old.type, new.type)

    def _inside(self, place: _Place, subject: str, word: str, words: frozenset[str]) -> _Place:
        used = place.used and word in words and subject not in self._used.not_meant
        return _Place(subject, used, used and place.needed and word in self._used.needed, place.sent)

    def _note(self, place: _Place, kind: ChangeKind, detail: str, *, hurts: bool = False) -> None:
        effect: Effect = "none"
        if hurts and place.used:
            effect = "fatal" if place.needed else "less"
        key = (place.subject, kind, detail)
        known = self._changes.get(key)
        if known is not None and _SEVERITY.index(known.effect) > _SEVERITY.index(effect):
            effect = known.effect
        used = place.used or (known is not None and known.used)
        self._changes[key] = Change(place.subject, kind, detail, used, effect)


def _flat(expression: str, surface: Surface) -> Iterator[str]:
    """Yield the alternatives of an expression, with shapes that are mere aliases resolved."""
    for member in members(expression):
        shape = surface.shapes.get(member)
        if shape is not None and shape.is_alias:
            yield from _flat(shape.alias or "any", surface)
        else:
            yield member


def _pairs(old: set[str], new: set[str], shipped: Surface, found: Surface) -> Iterator[tuple[str, str]]:
    """Yield what corresponds: equals, then the only list, the only map and the only shape that each side has left."""
    same = old & new
    yield from ((name, name) for name in sorted(same))

    def kind(member: str, surface: Surface) -> str:
        return member[0] if member[0] in "[{" else "shape" if member in surface.shapes else member

    lefts, rights = old - same, new - same
    for wanted in ("[", "{", "shape"):
        left = [member for member in lefts if kind(member, shipped) == wanted]
        right = [member for member in rights if kind(member, found) == wanted]
        if len(left) == len(right) == 1:
            yield left[0], right[0]


def _is_enumeration(member: str, surface: Surface) -> bool:
    shape = surface.shapes.get(member)
    return shape is not None and bool(shape.values) and not (shape.fields or shape.variants or shape.alias)


def _status(experimental: bool) -> str:
    return "experimental" if experimental else "stable"
