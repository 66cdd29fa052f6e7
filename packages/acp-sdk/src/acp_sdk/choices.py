"""`Choices`: what is chosen of the configuration options that an agent offers in a session, such as its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, cast

from acp_sdk.modes import CATEGORIES, option_of, value_for, values_of
from acp_sdk.process.errors import translate
from acp_sdk.protocol import methods
from acp_sdk.protocol.updates import ConfigOptionUpdate, read_update
from acp_sdk.protocol.upgrade import SessionUpgrade
from agent_sdk_core.errors import InvalidRequestError, ProtocolError, UnsupportedOptionError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.driver import Setting
from agent_sdk_core.wire.reading import Json, as_record

if TYPE_CHECKING:
    from acp_sdk.normalizer.facts import SessionFacts
    from acp_sdk.process.agent import AcpAgent
    from acp_sdk.process.link import AgentLink

REQUEST_SECONDS: Final = 60.0


class Choices:
    """The choices in one session.

    Args:
        link: The way to the agent.
        facts: What is known of the session.
        upgrade: Returns what reads the answers of an agent of version 1: another one when the session is opened again.
        told: Told what the options are after a choice, and the answer that says so.
    """

    def __init__(
        self,
        link: AgentLink,
        facts: SessionFacts,
        upgrade: Callable[[], SessionUpgrade],
        told: Callable[[ConfigOptionUpdate, Json], object],
    ) -> None:
        self._upgrade = upgrade
        self._link = link
        self._facts = facts
        self._told = told
        self._own: dict[Setting, str] = {}
        for setting in CATEGORIES:
            if (option := option_of(setting, facts.options)) is not None:
                self._own[setting] = option.current_value

    def check(self, setting: Setting, value: str | None) -> None:
        """Refuse what the agent does not offer.

        Raises:
            UnsupportedOptionError: It does not.
        """
        if value is not None:
            value_for(setting, value, self._facts.options, backend=self._link.name)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Choose a value; None: the one that the session had when it was opened."""
        if value is not None:
            await self.choose(*value_for(setting, value, self._facts.options, backend=self._link.name))
            return
        own, option = self._own.get(setting), option_of(setting, self._facts.options)
        if own is not None and option is not None:
            await self.choose(option.config_id, own)

    async def choose(self, config_id: str, value: str | bool) -> None:
        """Choose a value of a configuration option, in the agent's words.

        Raises:
            AgentError: The agent refused.
        """
        agent = self._link.today
        kind = "boolean" if isinstance(value, bool) else "id"
        params: Json = {"sessionId": self._facts.session_id, "configId": config_id, "type": kind, "value": value}
        method, sent = (methods.SET_CONFIG_OPTION, params) if agent.version > 1 else self._upgrade().choice(params)
        answer = as_record(await self._send(agent, method, sent)) or {}
        if agent.version > 1:
            options = answer.get("configOptions")
            update = read_update({"sessionUpdate": "config_option_update", "configOptions": options})
        else:
            update = self._upgrade().chosen(params, answer)
        if isinstance(update, ConfigOptionUpdate):
            self._told(update, answer)

    async def choose_again(self, chosen: Mapping[str, str | bool]) -> None:
        """Choose what had been chosen before the session was opened again, as far as the agent still offers it."""
        now = values_of(self._facts.options)
        for config_id, value in chosen.items():
            if config_id in now and now[config_id] != value:
                await self.choose(config_id, value)

    async def settle(self, options: SessionOptions) -> None:
        """Choose what the options of a session name, once it is open.

        Raises:
            UnsupportedOptionError: The agent does not offer it.
        """
        for setting in CATEGORIES:
            if (value := getattr(options, setting)) is not None:
                await self.choose(*value_for(setting, value, self._facts.options, backend=self._link.name))
        for config_id, value in settings_of(options, backend=self._link.name).items():
            known = values_of(self._facts.options)
            if config_id not in known:
                raise UnsupportedOptionError(
                    f"The {self._link.name} agent has no option {config_id!r}; it has: {', '.join(known) or 'none'}.",
                    backend=self._link.name,
                    details={"option": "settings"},
                )
            if isinstance(known[config_id], bool) != isinstance(value, bool):
                raise InvalidRequestError(
                    f"SessionOptions.settings[{config_id!r}] is of another kind than the agent's option.",
                    backend=self._link.name,
                )
            await self.choose(config_id, value)

    async def _send(self, agent: AcpAgent, method: str, params: Json) -> object:
        try:
            return await agent.peer.request(method, params, timeout=REQUEST_SECONDS)
        except ProtocolError as error:
            raise translate(
                error, backend=self._link.name, command=self._link.command, logins=agent.greeting.auth_methods
            ) from error


def settings_of(options: SessionOptions, *, backend: str) -> Mapping[str, str | bool]:
    """Return the configuration options that the application names by the agent's ids.

    Raises:
        InvalidRequestError: They are no table of texts and booleans.
    """
    given = options.settings
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(value, str | bool) for value in given.values()):
        raise InvalidRequestError(
            f"SessionOptions.settings of the {backend} agent is a table of its configuration options: ids, and the "
            "value chosen, text or a boolean.",
            backend=backend,
            details={"option": "settings"},
        )
    return cast("Mapping[str, str | bool]", given)
