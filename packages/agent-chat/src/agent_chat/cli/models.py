"""The `models` command: the models that an agent offers to the account."""

from __future__ import annotations

import anyio

from agent_chat import settings as settings_module
from agent_chat.cli.tables import write_objects, write_rows
from agent_chat.exits import ExitCode
from agent_chat.settings import RunSettings, load_config
from agent_sdk_core.interfaces.backend import AgentBackend
from agent_sdk_core.models import ChatModel


def show_models(backend: str | None, *, as_json: bool) -> int:
    """Print the models of an agent, the default one marked, and return the exit code.

    Args:
        backend: Its name; None: as configured.
        as_json: Print one JSON object a model.

    Raises:
        UsageError: There is no such agent, or the configuration is wrong.
        AgentError: The agent could not be asked.
    """
    made = settings_module.open_backend(backend, load_config(RunSettings(backend)))
    models = anyio.run(_listed, made)
    if as_json:
        write_objects(model.to_wire() for model in models)
    else:
        write_rows(("MODEL", "EFFORTS", "DESCRIPTION"), (_row(model) for model in models))
    return ExitCode.OK


async def _listed(backend: AgentBackend) -> list[ChatModel]:
    async with backend:
        return await backend.list_models()


def _row(model: ChatModel) -> tuple[str, str, str]:
    name = f"{model.id} (default)" if model.is_default else model.id
    return name, " ".join(model.efforts), model.description or model.label
