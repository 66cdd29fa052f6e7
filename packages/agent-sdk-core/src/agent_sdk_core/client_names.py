"""The name by which an application introduces itself to an agent, and through it to the provider of the model."""

from __future__ import annotations

import re
from typing import Final, cast

from agent_sdk_core.errors import InvalidRequestError

_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


def require_client(backend: str, **parts: str | None) -> None:
    """Refuse what cannot stand in a header of HTTP.

    Args:
        backend: Name of the backend.
        parts: Name and version of the application, by the argument that gives them; None is fine.

    Raises:
        InvalidRequestError: One is no word of letters, digits and ``._+-``; or a version stands alone.
    """
    for argument, value in parts.items():
        if value is not None and not (isinstance(cast("object", value), str) and _TOKEN.fullmatch(value)):
            raise InvalidRequestError(
                f"{argument}={value!r}: an application is named by up to 64 letters, digits, '.', '_', '+' and '-', "
                "the first a letter or a digit.",
                backend=backend,
                details={"option": argument},
            )
    first, *others = parts.values()
    if first is None and any(other is not None for other in others):
        raise InvalidRequestError("client_version needs client_name as well.", backend=backend)
