"""Arguments of public calls: checked against what the call says of them, and refused in a sentence that names them.

Python itself would take the wrong ones in silence, and fail somewhere inside with an error that is not ours.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from functools import wraps
from importlib import import_module
from types import FunctionType, NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

_WORDS: Final[Mapping[object, str]] = {
    str: "text",
    bytes: "bytes",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    NoneType: "None",
    Mapping: "a mapping",
    Callable: "a function",
}
_FUNCTION: Final[Any] = get_origin(Callable[..., Any])
_ENTRIES: Final = (tuple, list, frozenset, set)
_TEXTS: Final = (str, bytes, bytearray)


def checked(function: F, *, name: str | None = None, own: Collection[str] = ()) -> F:
    """Return a function that refuses what it does not take, before it runs.

    Args:
        function: The function; its annotations say what it takes.
        name: What errors call it; absent: its own name.
        own: Parameters whose kind it checks itself.

    Raises:
        InvalidRequestError: When it is called with a name that it does not have, without one that it needs, or with
            a value of a wrong kind.
    """
    call = _Call(cast("FunctionType", function), name, own)
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            call.require(args, kwargs)
            return await function(*args, **kwargs)

        return cast("F", later)

    @wraps(function)
    def now(*args: Any, **kwargs: Any) -> Any:
        call.require(args, kwargs)
        return function(*args, **kwargs)

    return cast("F", now)


def checked_class(*own: str, methods: bool = False) -> Callable[[C], C]:
    """Return a decorator of a class that applications make objects of: what it is made from is checked as by `checked`.

    Args:
        own: Parameters whose kind it checks itself.
        methods: Whether its public methods are checked as well.
    """

    def decorate(cls: C) -> C:
        made: Any = cls
        made.__init__ = checked(made.__init__, name=cls.__name__, own=own)
        if methods:
            check_calls(cls, cls)
        return cls

    return decorate


def check_calls(cls: type, interface: type) -> None:
    """Let a class check what the methods of an interface that it defines are called with, see `checked`.

    Args:
        cls: The class.
        interface: Declares the methods, and gives them their name in errors.
    """
    for name, member in list(vars(cls).items()):
        if name.startswith("_") or name not in vars(interface) or getattr(member, "__isabstractmethod__", False):
            continue
        if isinstance(member, classmethod):
            function = cast("classmethod[Any, ..., Any]", member).__func__
            setattr(cls, name, classmethod(checked(function, name=f"{interface.__name__}.{name}")))
        elif isinstance(member, FunctionType) and member.__code__.co_argcount + member.__code__.co_kwonlyargcount > 1:
            setattr(cls, name, checked(member, name=f"{interface.__name__}.{name}"))


class _Call:
    """What a function takes, read when it is first called."""

    def __init__(self, function: FunctionType, name: str | None, own: Collection[str]) -> None:
        self._function = function
        self._name = name or function.__qualname__
        self._own = own
        self._hints: dict[str, Any] = {}
        self._parameters: dict[str, inspect.Parameter] = {}
        self._kinds: dict[str, set[type]] = {}
        self._by_position: tuple[str, ...] = ()
        self._needed: tuple[str, ...] = ()
        self._any_name = self._any_number = False

    def require(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Refuse arguments that the function does not take."""
        if not self._parameters:
            self._read()
        if len(args) > len(self._by_position) and not self._any_number:
            hidden = int(self._by_position[:1] in (("self",), ("cls",)))
            number = len(self._by_position) - hidden
            raise self._refusal(
                f"takes {number} by position, not {len(args) - hidden}; the names are: {self._offer()}."
            )
        given = dict(zip(self._by_position, args, strict=False))
        for name in kwargs:
            if name not in self._parameters and not self._any_name:
                raise self._unknown(name)
            if name in given:
                raise self._refusal(f"takes {name!r} once, and it is given by position and by name.", name)
        given.update(kwargs)
        for name in self._needed:
            if name not in given:
                raise self._refusal(f"needs {name!r}.", name)
        for name, value in given.items():
            kinds = self._kinds.get(name)
            if kinds is not None and type(value) not in kinds:
                self._require_kind(name, value)

    def _read(self) -> None:
        kinds = inspect.Parameter
        for name, parameter in inspect.signature(self._function).parameters.items():
            if parameter.kind is kinds.VAR_KEYWORD:
                self._any_name = True
            elif parameter.kind is kinds.VAR_POSITIONAL:
                self._any_number = True
            else:
                self._parameters[name] = parameter
        taken = self._parameters.values()
        self._by_position = tuple(each.name for each in taken if each.kind is not kinds.KEYWORD_ONLY)
        self._needed = tuple(each.name for each in taken if each.default is kinds.empty)
        self._kinds = {name: set() for name in self._parameters if name not in self._own}

    def _require_kind(self, name: str, value: object) -> None:
        parameter = self._parameters[name]
        if value is parameter.default:
            return
        if name not in self._hints:
            self._hints[name] = _resolved(parameter.annotation, self._function)
        hint = self._hints[name]
        if not fits(hint, value):
            place, wanted, wrong = _at_fault(hint, value)
            said = f"must be {described(wanted)}, not {_named(wrong)}{_advice(wanted, wrong)}"
            raise InvalidRequestError(f"{self._name}: {name}{place} {said}.", details={"option": name})
        if not isinstance(value, (*_ENTRIES, Mapping)):  # Of the others, the type says all.
            self._kinds[name].add(type(value))

    def _unknown(self, name: str) -> InvalidRequestError:
        from agent_sdk_core.spellings import instead, spelled

        if (place := self._among_options(name)) is not None:
            return self._refusal(f"takes no {name!r} of its own; write {place}.", name)
        if (advice := instead(self._name, name)) is not None:
            return self._refusal(f"takes no {name!r}; {advice}.", name)
        names = [each for each in self._parameters if each not in ("self", "cls")]
        meant = spelled(self._name, name) or nearest(name, names)
        hint = f"did you mean {meant!r}?" if meant else f"it takes {self._offer()}."
        return self._refusal(f"takes no {name!r}; {hint}", name)

    def _among_options(self, name: str) -> str | None:
        """Return how an option is given that was given by itself, to a call that takes them as one."""
        if (parameter := self._parameters.get("options")) is None:
            return None
        for choice in get_args(_resolved(parameter.annotation, self._function)):
            if name in getattr(choice, "model_fields", ()):
                return f"options={choice.__name__}({name}=…)"
        return None

    def _offer(self) -> str:
        return ", ".join(name for name in self._parameters if name not in ("self", "cls")) or "nothing"

    def _refusal(self, reason: str, name: str | None = None) -> InvalidRequestError:
        return InvalidRequestError(f"{self._name} {reason}", details={} if name is None else {"option": name})


def _resolved(annotation: object, function: FunctionType) -> Any:
    """Return what an annotation stands for; `Any` where it cannot be told at run time."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, _Names(function.__globals__))  # noqa: S307  # an annotation of our own source
    except (NameError, AttributeError, TypeError):
        return Any


class _Names(dict[str, Any]):
    """The names that an annotation may use: a module's, and public ones that it loads for type checkers alone."""

    def __missing__(self, name: str) -> object:
        for module in (__name__, str(self.get("__name__"))):
            package = import_module(module.partition(".")[0])
            if name in getattr(package, "__all__", ()):
                return getattr(package, name)
        raise KeyError(name)


def fits(hint: Any, value: object) -> bool:
    """Tell whether a value is of the kind that an annotation names; of a `Literal` only the type counts."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return True
    if origin is Annotated:
        return fits(arguments[0], value)
    if origin in (Union, UnionType):
        return any(fits(choice, value) for choice in arguments)
    if origin is Literal:
        return any(type(value) is type(choice) for choice in arguments)
    if hint is None or hint is NoneType:
        return value is None
    if hint is float or hint is int:
        return isinstance(value, (int, float) if hint is float else int) and not isinstance(value, bool)
    if isinstance(origin, type):
        return _holds(origin, arguments, value)
    if not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return callable(value) if hint is Callable else True
    return isinstance(value, hint)


def _holds(origin: type, arguments: tuple[Any, ...], value: object) -> bool:
    if origin is _FUNCTION:
        return callable(value)
    if getattr(origin, "_is_protocol", False) and not getattr(origin, "_is_runtime_protocol", False):
        return True
    if issubclass(origin, Mapping):
        return isinstance(value, Mapping) and (
            not arguments or all(fits(arguments[0], key) for key in cast("Mapping[object, object]", value))
        )
    if isinstance(value, _TEXTS) and issubclass(origin, Iterable):
        return False  # A text is a sequence of texts, and never meant as one.
    if not isinstance(value, (list, tuple) if origin is tuple else origin):
        return False
    entries = cast("Collection[object]", value) if isinstance(value, _ENTRIES) else ()
    return not arguments or all(fits(arguments[0], entry) for entry in entries)


def _at_fault(hint: Any, value: object) -> tuple[str, Any, object]:
    """Return what of a value does not fit: the first such key, or entry of a list that may be one, else all of it.

    Returns:
        Where it is in the value, what may stand there, and what does.
    """
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if (table := next(filter(_is_table, choices), None)) is not None and isinstance(value, Mapping):
        wanted, keys = get_args(table)[0], list(cast("Mapping[object, object]", value))
        return next(((f"'s key {key!r}", wanted, key) for key in keys if not fits(wanted, key)), ("", hint, keys))
    lists = [each for each in choices if _may_list(each, value)]
    if len(lists) != 1:
        return "", hint, value
    wanted = get_args(lists[0])[0]
    entries = enumerate(cast("Collection[object]", value))
    return next((f"[{at}]", wanted, entry) for at, entry in entries if not fits(wanted, entry))


def _is_table(hint: Any) -> bool:
    """Tell whether an annotation is of a mapping with keys of one kind."""
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping) and bool(get_args(hint))


def _may_list(hint: Any, value: object) -> bool:
    """Tell whether an annotation is of a list with entries of one kind, and the value such a list."""
    origin = get_origin(hint)
    if not isinstance(origin, type) or not issubclass(origin, Iterable) or issubclass(origin, Mapping):
        return False
    ordered = isinstance(value, list | tuple) and (origin is tuple or isinstance(value, origin))
    return ordered and [each for each in get_args(hint) if each is not Ellipsis] == [get_args(hint)[0]]


def described(hint: Any) -> str:
    """Name in words what an annotation stands for."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return described(arguments[0])
    if origin in (Union, UnionType):
        words = list(dict.fromkeys(described(choice) for choice in arguments))
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    if origin is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin is not None:
        if issubclass(origin, Mapping):
            return "a mapping"
        if issubclass(origin, Iterable):
            entries = [described(each) for each in arguments if each is not Ellipsis]
            return f"a list of {entries[0]}" if entries else "a list"
        if origin is _FUNCTION:
            return "a function"
        hint = origin
    return _WORDS.get(hint) or (
        "a path" if getattr(hint, "__name__", "") == "PathLike" else getattr(hint, "__name__", str(hint))
    )


def _named(value: object) -> str:
    return "a coroutine" if isinstance(value, Coroutine) else "None" if value is None else type(value).__name__


def _advice(hint: Any, value: object) -> str:
    if isinstance(value, Coroutine):
        value.close()  # Nobody will await it, which would be a warning of its own.
        return "; await it first"
    if isinstance(value, Mapping):
        for choice in get_args(hint) or (hint,):
            if isinstance(choice, type) and choice.__module__.startswith(__name__.partition(".")[0]):
                return f"; write {choice.__name__}(…)"
    return ""
