"""`dataclass`: the standard library's, made for a fraction of its cost; for a type checker it is that one.

Up to Python 3.12 the standard one compiles six functions for each frozen class, and a program that asks an agent once
has some hundred classes of ours: that was a tenth of its CPU. Here the standard one finds the fields and makes the
slots; `__init__` is compiled, for it has to be fast, and all classes share the functions for the rest. A class that is
made of another dataclass is left to the standard one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses
    from collections.abc import Callable
    from dataclasses import MISSING, Field, FrozenInstanceError
    from operator import attrgetter
    from reprlib import recursive_repr

    def dataclass(
        *,
        init: bool = True,
        repr: bool = True,  # noqa: A002  # the names are those of the standard one
        eq: bool = True,
        frozen: bool = False,
        slots: bool = False,
        kw_only: bool = False,
    ) -> Callable[[type], type]:
        """Return the decorator of a class; of what the standard one takes, this takes what is used."""

        def decorate(cls: type) -> type:
            if any(map(dataclasses.is_dataclass, cls.__mro__[1:])):
                whole = dataclasses.dataclass(init=init, repr=repr, eq=eq, frozen=frozen, slots=slots, kw_only=kw_only)
                return whole(cls)
            cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            own = vars(cls)
            if init:
                cls.__init__ = _init_of(cls, frozen)
            shared: dict[str, Any] = {}
            if repr:
                shared["__repr__"] = _repr
            if eq and "__eq__" not in own:
                shared |= _comparing([each.name for each in dataclasses.fields(cls) if each.compare], hashed=frozen)
            if frozen:
                shared |= {"__setattr__": _setattr, "__delattr__": _delattr}
                if slots:
                    shared |= {"__getstate__": _getstate, "__setstate__": _setstate}
            for name, value in shared.items():
                if name not in own:
                    setattr(cls, name, value)
            cls.__dataclass_params__.frozen = frozen  # For classes that are made of it.
            return cls

        return decorate

    def _init_of(cls: type, frozen: bool) -> Callable[..., None]:
        given: list[Field] = [each for each in dataclasses.fields(cls) if each.init]
        given.sort(key=lambda each: each.kw_only)
        names: dict[str, Any] = {"_set": object.__setattr__, "_MISSING": MISSING}
        parameters, lines, keywords = ["self"], [], False
        for each in given:
            if each.kw_only and not keywords:
                parameters.append("*")
                keywords = True
            if each.default_factory is not MISSING:
                parameters.append(f"{each.name}=_MISSING")
            elif each.default is not MISSING:
                names[f"_of_{each.name}"] = each.default
                parameters.append(f"{each.name}=_of_{each.name}")
            else:
                parameters.append(each.name)
        for each in dataclasses.fields(cls):
            value = each.name
            if each.default_factory is not MISSING:
                names[f"_new_{each.name}"] = each.default_factory
                value = f"_new_{each.name}()" + (f" if {each.name} is _MISSING else {each.name}" if each.init else "")
            elif not each.init:
                if each.default is MISSING:
                    continue
                names[f"_of_{each.name}"] = each.default
                value = f"_of_{each.name}"
            lines.append(f"_set(self, {each.name!r}, {value})" if frozen else f"self.{each.name} = {value}")
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        body = "\n  ".join(lines or ["pass"])
        text = f"def made({', '.join(names)}):\n def __init__({', '.join(parameters)}):\n  {body}\n return __init__"
        made: dict[str, Any] = {}
        exec(text, vars(sys.modules[cls.__module__]), made)  # noqa: S102  # as in the standard library
        function = made["made"](**names)
        function.__annotations__ = {**{each.name: each.type for each in given}, "return": None}
        function.__qualname__ = f"{cls.__qualname__}.__init__"
        return function

    def _comparing(names: list[str], *, hashed: bool) -> dict[str, Any]:
        values = attrgetter(*names) if len(names) > 1 else lambda value: tuple([getattr(value, each) for each in names])

        def equal(self: Any, other: object) -> bool:
            if type(other) is not type(self):
                return NotImplemented
            return values(self) == values(other)

        def hashed_value(self: Any) -> int:
            return hash(values(self))

        return {"__eq__": equal, "__hash__": hashed_value if hashed else None}

    @recursive_repr()
    def _repr(self: Any) -> str:
        told = (f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)
        return f"{type(self).__qualname__}({', '.join(told)})"

    def _setattr(self: Any, name: str, value: object) -> None:
        if name in self.__dataclass_fields__ or not hasattr(self, "__dict__"):
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, value)

    def _delattr(self: Any, name: str) -> None:
        if name in self.__dataclass_fields__ or not hasattr(self, "__dict__"):
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        object.__delattr__(self, name)

    def _getstate(self: Any) -> list[object]:
        return [getattr(self, each.name) for each in dataclasses.fields(self)]

    def _setstate(self: Any, state: list[object]) -> None:
        for each, value in zip(dataclasses.fields(self), state, strict=True):
            object.__setattr__(self, each.name, value)
