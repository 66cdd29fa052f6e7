"""`SettingsService`: the settings in force, changed by the application, by people, and by other programs."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from agent_chat.chats.bus import EventBus
from agent_chat.chats.events import SettingsChanged
from agent_chat.config.files import SettingsFiles
from agent_chat.config.keys import SCOPES, Scope, SettingView, keys_of, parsed_key, spec_of, storable, view_of
from agent_chat.config.watching import changes_of
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.names import backend_names

_log = logging.getLogger(__name__)


class SettingsService:
    """The settings of a folder. As an async context manager on asyncio it watches the files.

    A file that somebody breaks changes nothing: the last good values hold, `problem` says what is wrong with it, and
    `SettingsChanged` tells so.

    Args:
        cwd: Folder whose workspace file counts; absent: the current one.
        env: The environment; absent: this process's.
        user_file: The user's file; absent: as for `RuntimeConfig.load`.
        config: What is configured, by an application that decides by itself; then nothing is read, nor written.
        bus: Told what changes; absent: one of its own.
        arguments: Fields of `RuntimeConfig` that stand above everything else.

    Attributes:
        bus: Told what changes.
        files: Where the settings are written.

    Raises:
        InvalidRequestError: What is configured cannot be used, see `RuntimeConfig.load`.
    """

    def __init__(
        self,
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        user_file: str | os.PathLike[str] | None = None,
        config: RuntimeConfig | None = None,
        bus: EventBus | None = None,
        **arguments: object,
    ) -> None:
        self.bus = bus or EventBus()
        self._cwd = Path(cwd or ".").resolve()
        self._env = os.environ if env is None else env
        self._user_file = user_file
        self._arguments = arguments
        self._is_fixed = config is not None
        self.files = SettingsFiles.of(self._cwd, self._env, user_file)
        self._config = self._read() if config is None else config
        self._problem: InvalidRequestError | None = None
        self._lock = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def config(self) -> RuntimeConfig:
        """What is configured: the last that could be used."""
        return self._config

    @property
    def problem(self) -> InvalidRequestError | None:
        """What is wrong with the files, so that `config` is older than they are; None: nothing."""
        return self._problem

    @property
    def can_change(self) -> bool:
        """Whether settings can be written; not where an application decides by itself."""
        return not self._is_fixed

    async def __aenter__(self) -> Self:
        if not self._is_fixed and self._config.flag("watch_settings"):
            begun = asyncio.Event()
            self._watcher = asyncio.create_task(self._watch(begun))
            await begun.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop watching; what is configured stays."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
            self._watcher = None

    def get(self, key: str) -> SettingView:
        """Return a setting with its value in force and where that comes from.

        Raises:
            InvalidRequestError: There is no such setting; the message names the nearest.
        """
        return view_of(key, self._config)

    def views(self) -> tuple[SettingView, ...]:
        """Return all settings, those of each installed or configured backend too."""
        return tuple(view_of(key, self._config) for key in keys_of(self._config, tuple(backend_names())))

    async def set(self, key: str, value: object, *, scope: Scope = "user") -> SettingView:
        """Write a setting, and return it as it is in force then; a higher layer may still say otherwise.

        Args:
            key: Its dotted name, such as "backend" or "backends.codex.model".
            value: Its value, of the kind that a file holds.
            scope: The file: the user's own, or the workspace's, which may only be stricter unless it is trusted.

        Raises:
            InvalidRequestError: There is no such setting, the value is of no use, or the file cannot be written.
        """
        if value is None:
            raise InvalidRequestError(f"{key} cannot be None; unset it.")
        await self.change({key: value}, scope=scope)
        return self.get(key)

    async def unset(self, key: str, *, scope: Scope = "user") -> SettingView:
        """Take a setting out of a file, and return what is in force then; raises what `set` raises."""
        await self.change({key: None}, scope=scope)
        return self.get(key)

    async def change(self, changes: Mapping[str, object], *, scope: Scope = "user") -> tuple[str, ...]:
        """Write several settings, all or none, and return the names of those that have another value now.

        Args:
            changes: The values by their dotted names; None takes one out.
            scope: The file.

        Raises:
            InvalidRequestError: As for `set`.
        """
        if self._is_fixed:
            raise InvalidRequestError("These settings are given by the application, and are written nowhere.")
        if scope not in SCOPES:
            raise InvalidRequestError(f"There is no scope {scope!r}; choose {' or '.join(SCOPES)}.")
        wanted: dict[tuple[str, ...], object] = {}
        for key, value in changes.items():
            spec_of(key)
            wanted[parsed_key(key)] = storable(key, value, self._config)
        await asyncio.to_thread(self.files.change, scope, wanted)
        return await self.reload()

    async def reload(self) -> tuple[str, ...]:
        """Read the files again, and return the names of the settings that have another value now.

        A file that cannot be used leaves everything as it is; `problem` says why.
        """
        if self._is_fixed:
            return ()
        async with self._lock:
            before, problem = self._config, self._problem
            try:
                config = await asyncio.to_thread(self._read)
            except InvalidRequestError as error:
                self._problem = error
                if problem is None or problem.message != error.message:
                    _log.warning("the last good configuration holds: %s", error.message)
                    self.bus.publish(SettingsChanged((), problem=error.message))
                return ()
            self._config, self._problem = config, None
            keys = _differing(before, config)
            if keys or problem is not None:
                self.bus.publish(SettingsChanged(keys))
            return keys

    def _read(self) -> RuntimeConfig:
        return RuntimeConfig.load(cwd=self._cwd, env=self._env, user_file=self._user_file, **self._arguments)

    async def _watch(self, begun: asyncio.Event) -> None:
        paths = [path for path in (self.files.user, self.files.workspace) if path is not None]
        try:
            async for _ in changes_of(paths):
                await self.reload()
                begun.set()
        finally:
            begun.set()


def _differing(before: RuntimeConfig, after: RuntimeConfig) -> tuple[str, ...]:
    old, new = before.values(), after.values()
    return tuple(key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
