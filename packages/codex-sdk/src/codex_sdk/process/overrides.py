"""Overrides of Codex's configuration for a whole app-server, as arguments of its command line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import nearest
from agent_sdk_core.option_values import json_value
from agent_sdk_core.redaction import is_secret_name, redact
from agent_sdk_core.wire.toml import toml_value
from codex_sdk.process.config_keys import unknown_keys

_NAMES_A_VARIABLE: Final = re.compile(r"(?:^|_)env(?:_|$)(?:key|vars?|http_headers)?$|^bearer_token_env_var$")
"""Keys whose values are names of environment variables, or of headers with such names."""


def override_arguments(overrides: Mapping[str, object] | None) -> tuple[str, ...]:
    """Return the arguments that set these keys, dotted ones too.

    Raises:
        InvalidRequestError: A key does not exist, a value has no form in TOML, or is a secret, which every user of the
            machine could read there.
    """
    try:
        table = cast("dict[str, object]", json_value(overrides or {}))
        arguments = [part for key, value in table.items() for part in ("-c", f"{key}={toml_value(value)}")]
    except ValueError as error:
        raise _wrong(str(error)) from None
    for key, known in unknown_keys(table):
        meant = nearest(key.rpartition(".")[2], sorted(known))
        raise _wrong(f"has {key!r}, which Codex does not know{f'; did you mean {meant!r}?' if meant else '.'}")
    for place in _secrets(table):
        raise _wrong(
            f"holds a secret in {place}, and would be on a command line, where every user of this machine can read it: "
            "name an environment variable there if the key can (env_key, bearer_token_env_var, env_http_headers), or "
            "write it into config.toml, or give it to SessionOptions.settings."
        )
    return tuple(arguments)


def _secrets(value: object, place: str = "") -> Iterator[str]:
    """Return where text is secret by its own shape, or by the name that it stands behind."""
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, object]", value).items():
            at = f"{place}.{key}" if place else key
            name = key.rpartition(".")[2]
            if _NAMES_A_VARIABLE.search(name) and name != "env":
                continue
            if isinstance(inner, str) and inner and is_secret_name(name):
                yield at
            else:
                yield from _secrets(inner, at)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(cast("Sequence[object]", value)):
            yield from _secrets(inner, f"{place}[{index}]")
    elif isinstance(value, str) and redact(value) != value:
        yield place


def _wrong(reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"CodexBackend(config_overrides=…) {reason}"
        if reason.endswith((".", "?"))
        else f"CodexBackend(config_overrides=…) {reason}.",
        backend="codex",
        details={"option": "config_overrides"},
    )
