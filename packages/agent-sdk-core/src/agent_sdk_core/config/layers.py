"""Layers of settings: each is checked as a whole, taken apart into single settings, and put over the ones below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent_sdk_core.config.environment import variable_name
from agent_sdk_core.config.fields import BackendConfig, Fields, PolicyRules, RetentionConfig, StoreConfig
from agent_sdk_core.config.sources import SourceKind, ValueSource, invalid
from agent_sdk_core.config.strictness import Key
from agent_sdk_core.names import canonical_name, nearest
from agent_sdk_core.option_values import Options, complaint
from agent_sdk_core.options import SandboxPolicy
from agent_sdk_core.policy.limits import PolicyLimits
from agent_sdk_core.records import dataclass

Locate = Callable[[Key], ValueSource]
"""Tells where a setting stands, by the names that lead to it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The settings of one layer.

    Attributes:
        kind: Which layer it is.
        values: Each setting's checked value, by the names that lead to it; backends by their canonical names.
        locate: Where a setting stands.
    """

    kind: SourceKind
    values: Mapping[Key, object]
    locate: Locate

    @property
    def backend(self) -> object:
        """The backend that this layer chooses, or None."""
        return self.values.get(("backend",))


def read_layer(
    kind: SourceKind,
    data: Mapping[str, Any],
    locate: Locate,
    *,
    folder: Path | None = None,
) -> Layer:
    """Check the settings of one layer.

    Args:
        kind: Which layer it is.
        data: The settings, as a file has them.
        locate: Where a setting stands.
        folder: Folder that relative paths are relative to; absent: the current one.

    Raises:
        InvalidRequestError: A setting does not exist, or its value is of no use; names the place and the setting.
    """
    strict = False if kind == "environment" else None  # Variables hold nothing but text.
    try:
        checked = Fields.model_validate(data, strict=strict, context={"folder": folder})
    except ValidationError as error:
        raise _sentence(error.errors(include_url=False)[0], locate) from None
    return layer_of(kind, checked, locate)


def layer_of(kind: SourceKind, checked: Fields, locate: Locate) -> Layer:
    """Take checked settings apart, see `read_layer`.

    Raises:
        InvalidRequestError: Two tables are those of one backend.
    """
    values: dict[Key, object] = {}
    places: dict[Key, Key] = {}
    for written, value in _single(checked):
        key = written
        match written:
            case ("backends", name, *rest):
                key = ("backends", canonical_name(name), *rest)
                if not key[1]:
                    raise invalid(f"the table of backends.{name!r} names no backend.", locate(written), "backends")
            case ("backend",):
                value = canonical_name(cast("str", value))
            case _:
                pass
        if key in values:
            other = ".".join(places[key])
            raise invalid(f"{'.'.join(written)} and {other} are the same setting; keep one.", locate(written))
        values[key], places[key] = value, written
    return Layer(kind, values, lambda key: locate(places.get(key, key)))


def merged(layers: Iterable[Layer]) -> dict[Key, Layer]:
    """Return, for each setting, the layer that decides it; the layers come lowest first; of limits the tightest."""
    found: dict[Key, Layer] = {}
    for layer in layers:
        for key, value in layer.values.items():
            lower = found.get(key)
            if lower is None or not _is_limit(key) or cast("float", value) < cast("float", lower.values[key]):
                found[key] = layer
    return found


def assembled(deciding: Mapping[Key, Layer]) -> dict[str, Any]:
    """Return the settings in force, as `Fields` takes them; the rules of a policy come from all layers, see `rules`."""
    data: dict[str, Any] = {}
    for key, layer in deciding.items():
        *tables, name = key
        at = data
        for table in tables:
            at = at.setdefault(table, {})
        at[name] = layer.values[key]
    return data


def is_rules(key: Key) -> bool:
    """Tell whether a setting is a list of a policy's rules."""
    return key[0] == "policy" and key[1] in ("deny", "ask", "allow")


def _is_limit(key: Key) -> bool:
    return key[:2] == ("policy", "limits")


def rules(layers: Iterable[Layer]) -> dict[str, tuple[str, ...]]:
    """Return the rules of a policy by their verdict; every layer adds its own."""
    found: dict[str, tuple[str, ...]] = {}
    for layer in layers:
        for key, value in layer.values.items():
            if is_rules(key):
                found[key[1]] = found.get(key[1], ()) + cast("tuple[str, ...]", value)
    return found


def _single(checked: Fields) -> Iterable[tuple[Key, object]]:
    """Return the settings that were written, each with the names that lead to it."""
    yield from _of_table(("policy", "limits"), checked.policy.limits)
    for name in ("policy", "store", "retention"):
        yield from _of_table((name,), getattr(checked, name), but=("limits",))
    for name, on in checked.flags.items():
        yield ("flags", name), on
    yield from _of_table((), checked, but=("backends", "flags", "policy", "retention", "store"))
    for backend, table in checked.backends.items():
        yield from _of_table(("backends", backend), table, but=("env",))
        for variable, secret in table.env.items():
            yield ("backends", backend, "env", variable), secret


def _of_table(table: Key, checked: Options, *, but: tuple[str, ...] = ()) -> Iterable[tuple[Key, object]]:
    for name in checked.model_fields_set.difference(but):
        if (value := getattr(checked, name)) is not None:
            yield (*table, name), value


def _sentence(error: ErrorDetails, locate: Locate) -> Exception:
    path = tuple(str(part) for part in error["loc"] if isinstance(part, str))
    source = locate(path)
    name = _name(path, source)
    if error["type"] == "extra_forbidden":
        known = _known(path[:-1])
        meant = nearest(path[-1], known)
        hint = f"did you mean {meant!r}?" if meant else f"there are: {', '.join(known)}."
        return invalid(f"there is no setting {name!r}; {hint}", source, ".".join(path))
    said = complaint(error)
    return invalid(f"{name} {said}{'' if said.endswith('?') else '.'}", source, ".".join(path))


def _name(path: Key, source: ValueSource) -> str:
    dotted = ".".join(path)
    if source.variable is None:
        return dotted
    # A variable that holds a table in JSON needs the rest of the way told.
    return source.variable if source.variable == variable_name(path) else f"{dotted} in {source.variable}"


def _known(table: Key) -> tuple[str, ...]:
    own: dict[Key, type[Options]] = {
        ("policy",): PolicyRules,
        ("policy", "limits"): PolicyLimits,
        ("retention",): RetentionConfig,
        ("store",): StoreConfig,
    }
    model = own.get(table) or {0: Fields, 1: SandboxPolicy, 2: BackendConfig}[len(table)]
    return tuple(model.model_fields)
