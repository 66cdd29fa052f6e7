"""Version 1 on the wire, read in the shape of version 2: requests, answers, and the updates of a session.

All of it takes whatever a peer sent: what has another shape than version 1 asks for stays, for the models to read.
"""

from __future__ import annotations

from typing import Any, Final, cast

from acp_sdk.protocol import methods
from acp_sdk.protocol.downgrade import downgrade_request
from acp_sdk.protocol.updates import SessionUpdate, StateUpdate, read_update
from agent_sdk_core.wire.reading import Json, as_record, record_at, record_of, records_at, text_at

MODE_OPTION: Final = "mode"
"""Id of the option that the modes of version 1 are read as, unless an option of the category `mode` is there."""

MODEL_OPTION: Final = "model"
"""Id of the option that `models` is read as, which agents of before the options have, unless a `model` is there."""

SET_MODEL: Final = "session/set_model"
"""What chooses one of `models`; it is not part of the specification any more."""

PLAN_ID: Final = "plan"
"""Id of the one plan of version 1."""

_METHODS: Final = {methods.V1_LOGIN: methods.LOGIN, methods.V1_LOGOUT: methods.LOGOUT, methods.LOAD: methods.RESUME}
_OPENING: Final = frozenset({methods.NEW, methods.RESUME, methods.FORK})


def upgrade_request(method: str, params: Json) -> tuple[str, Json]:
    """Return a client's request of version 1 as one of version 2; an agent reads it."""
    if method == methods.INITIALIZE:
        return method, _renamed(params, {"clientInfo": "info", "clientCapabilities": "capabilities"})
    if method == methods.V1_LOGIN:
        return methods.LOGIN, params
    if method == methods.SET_MODE:
        chosen = {"sessionId": params.get("sessionId"), "configId": MODE_OPTION, "value": params.get("modeId")}
        return methods.SET_CONFIG_OPTION, {**chosen, "type": "id"}
    if method == methods.SET_CONFIG_OPTION and "type" not in params:
        return method, {**params, "type": "id"}
    if method == methods.LOAD:
        params = {**params, "replayFrom": {"type": "start"}}
    method = _METHODS.get(method, method)
    if method in _OPENING:
        params = _with(params, "mcpServers", _upgraded_server)
    return method, params


def upgrade_result(method: str, result: Json) -> Json:
    """Return an agent's answer of version 1 to a method (named as in version 2); a client reads it."""
    if method == methods.INITIALIZE:
        return _upgraded_initialization(result)
    if method in _OPENING:
        return _upgraded_opening(result)
    if method == methods.SET_CONFIG_OPTION:
        return _with(result, "configOptions", _upgraded_option)
    return result


def upgrade_permission(params: Json) -> Json:
    """Return a permission request of version 1 as one of version 2; a client reads it."""
    call = as_record(params.get("toolCall"))
    if call is None:
        return params
    rest = {key: value for key, value in params.items() if key != "toolCall"}
    call = _upgraded_call(call)
    return {"title": text_at(call, "title"), "subject": {"type": "tool_call", "toolCall": call}, **rest}


class SessionUpgrade:
    """What has to be remembered of a session of version 1 to tell its updates as version 2 would."""

    def __init__(self) -> None:
        self._messages = 0
        self._speaking: str | None = None
        self._modes: Json | None = None
        self._has_models = False
        self._options: list[Json] = []

    @property
    def has_modes(self) -> bool:
        """Whether the option `MODE_OPTION` stands for modes of version 1, which `session/set_mode` sets."""
        return self._modes is not None

    def opened(self, result: Json) -> Json:
        """Return the answer that opened the session in the shape of version 2, and remember its modes."""
        upgraded = _upgraded_opening(result)
        self._options = records_at(upgraded, "configOptions")
        self._modes = next((each for each in self._options if each.get("_modes") is True), None)
        self._has_models = any(each.get("_models") is True for each in self._options)
        return upgraded

    def choice(self, params: Json) -> tuple[str, Json]:
        """Return `session/set_config_option` as this agent takes it: modes and models may have methods of their own."""
        session_id, value = params.get("sessionId"), params.get("value")
        if self._has_models and params.get("configId") == MODEL_OPTION:
            return SET_MODEL, {"sessionId": session_id, "modelId": value}
        return downgrade_request(methods.SET_CONFIG_OPTION, params, has_modes=self.has_modes)

    def chosen(self, params: Json, answer: Json) -> SessionUpdate:
        """Return what version 2 tells after a choice: all options as they are then."""
        told = upgrade_result(methods.SET_CONFIG_OPTION, answer)
        if "configOptions" in told:
            return self.update({"update": {"sessionUpdate": "config_option_update", **answer}})
        for index, option in enumerate(self._options):
            if option.get("configId") == params.get("configId"):
                changed = {**option, "currentValue": params.get("value")}
                self._options = [*self._options[:index], changed, *self._options[index + 1 :]]
                self._modes = changed if option is self._modes else self._modes
        return read_update({"sessionUpdate": "config_option_update", "configOptions": self._options})

    def update(self, params: Json) -> SessionUpdate:
        """Read the update of a `session/update` notification."""
        update = record_of(params.get("update"))
        kind = update.get("sessionUpdate")
        if isinstance(kind, str) and kind.endswith("_chunk") and kind.split("_")[0] in ("user", "agent"):
            return read_update(self._with_message(kind, update))
        if kind in ("tool_call", "tool_call_update"):
            self._speaking = None
            return read_update({**_upgraded_call(update), "sessionUpdate": "tool_call_update"})
        if kind == "plan":
            return read_update(_upgraded_plan(update))
        if kind == "current_mode_update" and self._modes is not None:
            return self._mode_changed(text_at(update, "currentModeId"))
        if kind == "config_option_update":
            update = _with(update, "configOptions", _upgraded_option)
            kept = [each for each in self._options if "_modes" in each or "_models" in each]
            self._options = [*records_at(update, "configOptions"), *kept]
            return read_update({**update, "configOptions": self._options})
        if kind == "available_commands_update":
            return read_update(_with(update, "availableCommands", _upgraded_command))
        return read_update(update)

    def accepted(self) -> None:
        """Begin the messages of another turn."""
        self._speaking = None

    def ended(self, result: Json) -> StateUpdate:
        """Return the answer to a prompt, which ends its turn in version 1, as the update that ends it in version 2."""
        self._speaking = None
        stop = result.get("stopReason")
        fields: Json = {"sessionUpdate": "state_update", "state": "idle"}
        if isinstance(stop, str):
            fields["stopReason"] = stop
        for key in ("usage", "_meta"):
            if (value := as_record(result.get(key))) is not None:
                fields[key] = value
        return cast("StateUpdate", read_update(fields))

    def _with_message(self, kind: str, update: Json) -> Json:
        """Give a chunk the message that it belongs to: the agent's id, else one a run of chunks of a kind."""
        named = update.get("messageId")
        if isinstance(named, str) and named:
            self._speaking = None
            return update
        if self._speaking is None or not self._speaking.startswith(kind):
            self._messages += 1
            self._speaking = f"{kind}-{self._messages}"
        return {**update, "messageId": self._speaking}

    def _mode_changed(self, mode: str) -> SessionUpdate:
        if self._modes is not None:
            changed = {**self._modes, "currentValue": mode}
            self._options = [changed if each is self._modes else each for each in self._options]
            self._modes = changed
        return read_update({"sessionUpdate": "config_option_update", "configOptions": self._options})


def _upgraded_initialization(result: Json) -> Json:
    upgraded = _renamed(result, {"agentInfo": "info", "agentCapabilities": "capabilities"})
    stated = as_record(upgraded.get("capabilities"))
    if stated is not None:
        session = dict(record_at(stated, "sessionCapabilities"))
        session["prompt"] = _markers(record_at(stated, "promptCapabilities"))
        session["mcp"] = {"stdio": {}, **_markers(record_at(stated, "mcpCapabilities"))}
        if stated.get("loadSession") is True:
            session["load"] = {}
        old = ("loadSession", "promptCapabilities", "mcpCapabilities", "sessionCapabilities")
        rest = {key: value for key, value in stated.items() if key not in old}
        upgraded["capabilities"] = {**rest, "session": session}
    return _with(upgraded, "authMethods", _upgraded_login)


def _upgraded_login(method: Json) -> Json:
    upgraded = {"type": "agent", **_renamed(method, {"id": "methodId"})}
    variables = as_record(upgraded.get("env"))
    if variables is not None:
        upgraded["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    return upgraded


def _upgraded_opening(result: Json) -> Json:
    modes, models = as_record(result.get("modes")), as_record(result.get("models"))
    upgraded = {key: value for key, value in result.items() if key not in ("modes", "models")}
    upgraded = _with(upgraded, "configOptions", _upgraded_option)
    options = records_at(upgraded, "configOptions")
    if modes is not None and not any(option.get("category") == "mode" for option in options):
        options = [*options, _modes_as_option(modes)]
    if models is not None and not any(option.get("category") == "model" for option in options):
        options = [*options, _models_as_option(models)]
    return {**upgraded, "configOptions": options}


def _modes_as_option(modes: Json) -> Json:
    return {
        "type": "select",
        "configId": MODE_OPTION,
        "name": "Mode",
        "category": "mode",
        "currentValue": text_at(modes, "currentModeId"),
        "options": [_renamed(mode, {"id": "value"}) for mode in records_at(modes, "availableModes")],
        "_modes": True,
    }


def _models_as_option(models: Json) -> Json:
    return {
        "type": "select",
        "configId": MODEL_OPTION,
        "name": "Model",
        "category": "model",
        "currentValue": text_at(models, "currentModelId"),
        "options": [_renamed(model, {"modelId": "value"}) for model in records_at(models, "availableModels")],
        "_models": True,
    }


def _upgraded_option(option: Json) -> Json:
    upgraded = _renamed(option, {"id": "configId"})
    if isinstance(upgraded.get("options"), list):
        upgraded["options"] = [_renamed(each, {"group": "groupId"}) for each in records_at(upgraded, "options")]
    return upgraded


def _upgraded_server(server: Json) -> Json:
    return {"type": "stdio", **server}


def _upgraded_command(command: Json) -> Json:
    given = as_record(command.get("input"))
    upgraded = {"type": "command", **command}
    return upgraded if given is None else {**upgraded, "input": {"type": "text", **given}}


def _upgraded_plan(update: Json) -> Json:
    rest = {key: value for key, value in update.items() if key not in ("sessionUpdate", "entries")}
    plan = {"type": "items", "planId": PLAN_ID, "entries": update.get("entries")}
    return {"sessionUpdate": "plan_update", "plan": plan, **rest}


def _upgraded_call(call: Json) -> Json:
    """A null of version 1 means that nothing changed; in version 2 it would clear."""
    kept = {key: value for key, value in call.items() if value is not None or key == "rawOutput"}
    content = kept.get("content")
    if isinstance(content, list):
        kept["content"] = [_upgraded_item(each) for each in cast("list[object]", content)]
    return kept


def _upgraded_item(item: object) -> object:
    """A diff of version 1 has one file and both its texts; they stay, and its file is told as version 2 does."""
    fields = record_of(item)
    if fields.get("type") != "diff" or "changes" in fields:
        return item
    operation = "modify" if isinstance(fields.get("oldText"), str) else "add"
    return {**fields, "changes": [{"operation": operation, "path": fields.get("path")}]}


def _markers(flags: Json) -> Json:
    """Return the flags that are true as markers, and what is no flag as it is."""
    return {key: {} if value is True else value for key, value in flags.items() if value is not False}


def _renamed(fields: Json, names: dict[str, str]) -> Json:
    return {names.get(key, key): value for key, value in fields.items()}


def _with(fields: Json, key: str, change: Any) -> Json:
    """Return the fields with the objects in the list at `key` changed; without a list there: the fields."""
    return {**fields, key: [change(each) for each in records_at(fields, key)]} if key in fields else fields
