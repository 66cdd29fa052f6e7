"""`DeferredModel`: its validator is made when it is first needed, as pydantic makes it but for its search for plug-ins.

Before it makes the first validator of a process, pydantic looks through all installed distributions for plug-ins, with
what reads their metadata: a tenth of the start of a program whose models are ours alone. So plug-ins are told of no
model of ours. It is pydantic's own function that builds them; where it is not as it is here, or what is built is
special, nothing is done, and the caller takes pydantic's own way.
"""

from __future__ import annotations

from functools import cache
from threading import RLock
from types import FunctionType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic_core import CoreConfig, CoreSchema, SchemaValidator

_building: Final = RLock()


class DeferredModel(BaseModel):
    """A pydantic model that is built with its first value."""

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def model_rebuild(cls, *, raise_errors: bool = True, _parent_namespace_depth: int = 2, **how: Any) -> bool | None:
        """Build what was deferred, as pydantic's own does, which looks for plug-ins first."""
        if not how and not cls.__pydantic_complete__ and built(cls):
            return True
        depth = _parent_namespace_depth + 1
        return super().model_rebuild(raise_errors=raise_errors, _parent_namespace_depth=depth, **how)


def built(cls: type[BaseModel]) -> bool:
    """Build a model that waits for it, if that can be done here.

    Returns:
        Whether it is built.
    """
    with _building:
        if cls.__pydantic_complete__:
            return True
        if not cls.__pydantic_fields_complete__:  # It names what only its caller knows.
            return False
        try:
            from pydantic._internal._config import ConfigWrapper
            from pydantic._internal._namespace_utils import NsResolver

            config = ConfigWrapper(cls.model_config, check=False)
            return bool(_completing()(cls, config, NsResolver(), raise_errors=False))
        except (ImportError, AttributeError, TypeError):  # Another pydantic's internals.
            return False


@cache
def _completing() -> FunctionType:
    """Return pydantic's `complete_model_class`, as it is where no plug-in is installed."""
    from pydantic._internal import _model_construction as construction

    theirs: Any = construction.complete_model_class
    if "create_schema_validator" not in theirs.__code__.co_names:
        raise AttributeError("It makes validators in another way.")
    ours = FunctionType(theirs.__code__, {**vars(construction), "create_schema_validator": _validator})
    ours.__kwdefaults__ = theirs.__kwdefaults__
    return ours


def _validator(
    schema: CoreSchema,
    schema_type: object,
    module: str,
    name: str,
    kind: str,
    config: CoreConfig | None = None,
    plugin_settings: object = None,
    **how: Any,
) -> SchemaValidator:
    return SchemaValidator(schema, config, **how)
