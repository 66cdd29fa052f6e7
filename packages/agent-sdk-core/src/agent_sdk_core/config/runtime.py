"""The configuration that applies: read once from all layers, then frozen; every value says where it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self, TypedDict, cast

from pydantic import ConfigDict, PrivateAttr

from agent_sdk_core.arguments import checked
from agent_sdk_core.config.fields import BackendConfig, Fields
from agent_sdk_core.config.files import ConfigFile
from agent_sdk_core.config.flags import FLAGS
from agent_sdk_core.config.layers import Layer, is_rules, layer_of, merged, rules
from agent_sdk_core.config.reading import ConfigReading, Workspace
from agent_sdk_core.config.sources import DEFAULT_SOURCE, ValueSource, invalid
from agent_sdk_core.config.strictness import Key
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import (
    BackendType,
    backend_names,
    canonical_name,
    chosen_backend,
    is_registered,
)
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.records import dataclass
from agent_sdk_core.secret import Secret

if TYPE_CHECKING:
    from agent_sdk_core.policy.guard import PolicyGuard

_SESSION_FIELDS: Final = ("permission_mode", "sandbox", "request_timeout")
_NEEDS_TYPE: Final = {"command": "acp", "url": "codex"}
"""Settings of an agent that has its name from here, and what `type` they are most likely of."""

_NOBODY: Final = BackendConfig()
_NOTHING: Final[Mapping[str, object]] = {}
_NO_TEXTS: Final[Mapping[Path, str]] = {}


class BackendSettings(TypedDict, total=False):
    """Keyword arguments of a backend that the configuration decides."""

    executable: Path
    command: tuple[str, ...]
    url: str
    token: Secret
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value in force.

    Attributes:
        key: Dotted name of the setting that decides it.
        value: The value; None leaves it to the agent.
        source: Where it came from.
    """

    key: str
    value: str | None
    source: ValueSource


class RuntimeConfig(Fields):
    """What is configured, whoever configured it. `RuntimeConfig.load()` reads it; `RuntimeConfig()` is an empty one.

    Attributes:
        backend: Name of the backend; None: the only one that is installed, or "codex".
        model: Model id; None: the agent's own choice.
        reasoning_effort: How much the model reasons.
        permission_mode: How much the agent may do unasked.
        sandbox: What its tools may touch; in a file a table, or its mode alone.
        request_timeout: Seconds after which an unanswered request of the agent is denied.
        trusted_folders: Folders whose workspace files may say everything; only the user's file, or an argument.
        policy: What is refused, asked about and allowed, see `PolicyGuard`; every layer adds its rules.
        store: Where chats are stored.
        retention: Which chats stay there; only the user's file, a variable, or an argument.
        flags: Features that are switched on or off, see `flag`.
        tools: Names of installed tools that sessions without tools of their own have, such as "shell"; only the user's
            file, or an argument.
        backends: Settings of each backend, by its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    _read: ConfigReading | None = PrivateAttr(None)

    @classmethod
    @checked
    def load(
        cls,
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        user_file: str | os.PathLike[str] | None = None,
        **arguments: object,
    ) -> Self:
        """Read the configuration: defaults < user file < workspace file < environment < arguments.

        Args:
            cwd: Folder whose workspace file counts; absent: the current one.
            env: The environment; absent: this process's.
            user_file: The user's file; absent: `AGENT_SDK_CONFIG`, or `agent-sdk/config.toml` in the platform's
                configuration folder. `os.devnull` is an empty one.
            arguments: Fields of this class, above everything else; None is as if not given.

        Raises:
            InvalidRequestError: A file cannot be read, a setting does not exist or has a value that is of no use, or
                the workspace file says what it may not. One sentence with the file, the line and the setting; `code`
                is "invalid_configuration".
        """
        return cls.preview(cwd=cwd, env=env, user_file=user_file, arguments=arguments)

    @classmethod
    def preview(
        cls,
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        user_file: str | os.PathLike[str] | None = None,
        arguments: Mapping[str, object] = _NOTHING,
        texts: Mapping[Path, str] = _NO_TEXTS,
    ) -> Self:
        """Return what `load` would if files held other texts; raises what `load` raises.

        Args:
            cwd: As for `load`.
            env: As for `load`.
            user_file: As for `load`.
            arguments: Fields of this class.
            texts: What files hold, by their paths; absent: what they hold on the disk.
        """
        read = ConfigReading.of(
            tuple(cls.model_fields),
            cwd=cwd,
            env=os.environ if env is None else env,
            user_file=user_file,
            arguments=arguments,
            texts=texts,
        )
        config = cls.model_validate(read.values())
        config._read = read  # noqa: SLF001  # its own kind
        return config

    @checked
    def source(self, key: str) -> ValueSource:
        """Return where a value came from.

        Args:
            key: The setting's dotted name, such as "model" or "backends.codex.executable".
        """
        for path, layer in merged(self._layers).items():
            if ".".join(path) == key:
                return layer.locate(path)
        return DEFAULT_SOURCE

    def values(self) -> dict[str, object]:
        """Return every setting that somebody has set, by its dotted name, with the value in force."""
        deciding = merged(self._layers)
        ruled: dict[Key, object] = {("policy", verdict): texts for verdict, texts in rules(self._layers).items()}
        return {".".join(key): ruled.get(key, layer.values[key]) for key, layer in deciding.items()}

    @checked
    def flag(self, name: str) -> bool:
        """Return whether a feature is on.

        Raises:
            InvalidRequestError: There is no such flag.
        """
        if name not in FLAGS:
            raise InvalidRequestError(f"There is no flag {name!r}; there are: {', '.join(FLAGS)}.")
        return self.flags.get(name, FLAGS[name].default)

    @property
    def files(self) -> tuple[ConfigFile, ...]:
        """The files that were looked for, the user's first."""
        return self._read.files if self._read else ()

    @property
    def workspace(self) -> Workspace | None:
        """The workspace, None if there is none, or if nothing was read."""
        return self._read.workspace if self._read else None

    @property
    def unknown_variables(self) -> tuple[str, ...]:
        """Environment variables that begin with `AGENT_SDK_` and mean nothing to this version."""
        return self._read.unknown_variables if self._read else ()

    @property
    def _layers(self) -> tuple[Layer, ...]:
        if self._read is not None:
            return self._read.layers
        return (layer_of("argument", self, lambda _: ValueSource("argument")),)

    @checked
    def for_backend(self, backend: BackendType) -> BackendConfig:
        """Return the settings of one backend alone, by its name or an alias."""
        wanted = canonical_name(backend)
        return next((table for name, table in self.backends.items() if canonical_name(name) == wanted), _NOBODY)

    def kind_of(self, backend: BackendType) -> BackendType | None:
        """Return the kind of a backend that has its name from here; None for one that is registered, or unknown.

        Raises:
            InvalidRequestError: Its table says a command or an address without a type, or a type for a name that is
                registered.
        """
        table, name = self.for_backend(backend), canonical_name(backend)
        untyped = next((said for said in _NEEDS_TYPE if getattr(table, said) is not None), None)
        if table.type is None and (untyped is None or is_registered(name)):
            return None
        key = f"backends.{name}"
        if table.type is None and untyped is not None:
            what = f'{key} has a {untyped} and no type; add type = "{_NEEDS_TYPE[untyped]}".'
            raise invalid(what, self.source(f"{key}.{untyped}"), key)
        if is_registered(name):
            raise invalid(f"{key} has a type, and {name} has its own; choose another name.", self.source(key), key)
        return table.type

    def names(self) -> tuple[BackendType, ...]:
        """Return the names of all backends: those that are registered, and those that have their name from here."""
        own = {canonical_name(name) for name, table in self.backends.items() if table.type is not None}
        return tuple(sorted({*backend_names(), *own}))

    @checked
    def chosen(self, name: Literal["model", "reasoning_effort"], backend: BackendType) -> Setting:
        """Return what is configured about the model of a backend.

        The highest layer that says something about this backend wins; within a layer, its own table beats the general
        setting. A layer that names a backend along with the general setting means it for that backend alone.

        Args:
            name: "model" or "reasoning_effort".
            backend: Name of the backend.

        Raises:
            InvalidRequestError: The name is another.
        """
        if name not in ("model", "reasoning_effort"):
            raise InvalidRequestError(f"RuntimeConfig.chosen tells 'model' or 'reasoning_effort', not {name!r}.")
        backend = canonical_name(backend)
        own: Key = ("backends", backend, name)
        for layer in reversed(self._layers):
            for key in (own, (name,)):
                value = layer.values.get(key)
                if isinstance(value, str) and (key == own or layer.backend in (None, backend)):
                    return Setting(".".join(key), value, layer.locate(key))
        return Setting(name, None, DEFAULT_SOURCE)

    def chosen_type(self) -> BackendType:
        """Return the backend that is used when the caller names none: the configured, the only, or the default one.

        Raises:
            InvalidRequestError: It is not registered, or there are several and none of them is the default.
        """
        source = self.source("backend")
        if self.backend is not None and self.kind_of(self.backend) is not None:
            return canonical_name(self.backend)
        return chosen_backend(self.backend, source=None if source.kind == "argument" else str(source))

    def backend_settings(self, backend: BackendType, env: Mapping[str, str] | None = None) -> BackendSettings:
        """Return the keyword arguments with which a backend is made; what is not configured is left out.

        Where an address is configured, how an agent is started here is left out too.

        Args:
            backend: Name of the backend.
            env: The environment that its own variables are added to; absent: this process's.

        Raises:
            InvalidRequestError: A token is configured, and nowhere to show it.
        """
        table = self.for_backend(backend)
        settings = BackendSettings()
        if table.url is not None:
            settings["url"] = table.url
            if table.token is not None:
                settings["token"] = table.token
            return settings
        if table.token is not None:
            key = f"backends.{canonical_name(backend)}"
            raise invalid(
                f"{key} has a token and no url to show it at; add url, or remove it.", self.source(f"{key}.token"), key
            )
        if table.executable is not None:
            settings["executable"] = table.executable
        if table.command is not None:
            settings["command"] = table.command
        if table.env:
            own = {name: secret.reveal() for name, secret in table.env.items()}
            settings["env"] = {**(os.environ if env is None else env), **own}
        return settings

    def policy_guard(self) -> PolicyGuard | None:
        """Return the guard of the configured rules, each with its place, and limits; None without any."""
        from agent_sdk_core.policy.guard import PolicyGuard  # Only where there are rules.
        from agent_sdk_core.policy.rules import Rule, Verdict, parse_rules

        found: list[Rule] = []
        for layer in self._layers:
            for key, value in layer.values.items():
                if is_rules(key):
                    texts, verdict = cast("tuple[str, ...]", value), cast("Verdict", key[1])
                    found += parse_rules(texts, verdict, str(layer.locate(key)))
        limits = self.policy.limits
        return PolicyGuard.of(found, limits) if found or limits else None

    @checked
    def session_options(self, backend: BackendType | None = None, **overrides: object) -> SessionOptions:
        """Return the options of a session as they are configured.

        Args:
            backend: Name of the backend; absent: the configured one.
            overrides: Fields of `SessionOptions`, which beat the configuration, also with None.
        """
        name = self.chosen_type() if backend is None else backend
        given: dict[str, object] = {
            option: value for option in _SESSION_FIELDS if (value := getattr(self, option)) is not None
        }
        for about in ("model", "reasoning_effort"):
            if (value := self.chosen(about, name).value) is not None:
                given[about] = value
        if self.tools:
            given["tools"] = list(self.tools)
        if (policy := self.policy_guard()) is not None:
            given["policy"] = policy
            if self.policy.scope is not None:
                given["policy_scope"] = self.policy.scope
        return SessionOptions.model_validate(given | overrides)
