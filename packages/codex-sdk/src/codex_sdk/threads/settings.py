"""The settings of a thread: what is changed with its next turn, what one turn lends, and what puts it back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from agent_sdk_core.asking.permissions import PermissionMode
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.paths import off_the_loop
from agent_sdk_core.runtime.driver import Setting
from agent_sdk_core.wire.reading import Json, as_record, texts_of
from codex_sdk.modes import configured_sandbox, mode_params
from codex_sdk.normalizer import ThreadFacts, ThreadFamily
from codex_sdk.process.link import AppServerLink
from codex_sdk.threads.calls import ThreadCalls
from codex_sdk.threads.listings import list_models, require_effort
from codex_sdk.threads.project_trust import applied_config

if TYPE_CHECKING:
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

_PUT_BACK_SECONDS: Final = 10.0


class ThreadSettings:
    """The settings of one session.

    Args:
        link: The way to the app-server.
        calls: Asks it.
        family: Knows what the thread runs with.
        options: The session's options.

    Attributes:
        changes: Settings to change with the next turn, as `turn/start` takes them.
    """

    def __init__(self, link: AppServerLink, calls: ThreadCalls, family: ThreadFamily, options: SessionOptions) -> None:
        self._link = link
        self._calls = calls
        self._normalizer = family.main
        self._options = options
        self.changes: Json = {}
        self._added: tuple[str, ...] = ()
        if options.permission_mode == "plan":
            self.set_mode("plan")  # thread/start has no parameter for it.

    @property
    def facts(self) -> ThreadFacts:
        """What the thread runs with once its next turn begins."""
        facts = self._normalizer.facts
        settings = {"effort": facts.reasoning_effort, **facts.settings, **self.changes}
        return facts.with_settings(settings) if self.changes else facts

    def restore(self, settings: Json) -> None:
        """Change these with the next turn, but for what is changed already."""
        self.changes = {**settings, **self.changes}

    def set_mode(self, mode: PermissionMode) -> None:
        """Change the permission mode with the next turn; a sandbox that the options name stays as it is."""
        facts = self._normalizer.facts
        model, effort = self.changes.get("model", facts.model), self.changes.get("effort", facts.reasoning_effort)
        self.changes.update(mode_params(mode, model=model, effort=effort, roots=self._roots))
        if self._options.sandbox is not None:
            self.changes.pop("sandboxPolicy", None)

    def set_directories(self, added: Sequence[str]) -> None:
        """Let tools write to these folders too, from the next turn, where the sandbox lets them write at all."""
        former, self._added = self._added, tuple(added)
        policy = self.changes.get("sandboxPolicy") or self._normalizer.facts.settings.get("sandboxPolicy")
        if not isinstance(policy, dict) or cast("Json", policy).get("type") != "workspaceWrite":
            return
        policy = cast("Json", policy)
        kept = [root for root in texts_of(policy.get("writableRoots")) if root not in former]
        self.changes["sandboxPolicy"] = {**policy, "writableRoots": list(dict.fromkeys((*kept, *added)))}

    @property
    def _roots(self) -> list[str]:
        own = [str(Path(folder).expanduser().absolute()) for folder in self._options.add_dirs]
        return list(dict.fromkeys((*own, *self._added)))

    async def check(self, setting: Setting, value: str | None) -> None:
        """Refuse an effort that no model takes; Codex itself passes it on to the model (0.163)."""
        if setting == "reasoning_effort":
            await require_effort((await self._link.connect()).peer, value)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting with the next turn; None: back to what Codex is configured for."""
        config: Json = {} if value is not None else await self._configured()
        if setting == "permission_mode":
            self.set_mode(cast("PermissionMode", value or "default"))
            if value is None:
                self.changes["approvalPolicy"] = config.get("approval_policy") or "on-request"
                if self._options.sandbox is None:
                    self.changes["sandboxPolicy"] = configured_sandbox(config)
            return
        if setting == "model":
            value = self.changes["model"] = value or config.get("model") or await self._first_model()
        else:
            value = self.changes["effort"] = value or config.get("model_reasoning_effort") or "medium"
        if (mode := self.changes.get("collaborationMode")) is not None:
            mode["settings"][setting] = value  # It repeats both, and what it says is what counts.

    async def lent(self, options: TurnOptions | None) -> tuple[Json, Json]:
        """Return what one turn changes, and what puts it back."""
        if options is None:
            return {}, {}
        from codex_sdk.threads.turn_settings import own_settings, turn_settings

        told, pending = self._normalizer.facts.settings, self.changes
        lent = await off_the_loop(turn_settings, options, self._options, told, pending)
        return lent, own_settings(lent, {**told, **pending})

    async def put_back(self, own: Json) -> None:
        """Put back what a turn changed: `turn/start` changes the turns after it too, this all but the running one.

        At once, so that the thread is stored with its own settings whatever becomes of the turn (measured with 0.163).
        """
        params = {"threadId": self._normalizer.facts.thread_id, **own}
        error = await self._calls.quietly("thread/settings/update", params, _PUT_BACK_SECONDS)
        if error is not None:
            _log.warning("the settings of a turn are put back with the next one: %s", error)
            self.restore(own)

    async def _configured(self) -> Json:
        params = {"cwd": self._normalizer.facts.cwd, "includeLayers": True}
        answer = as_record(await self._calls.call("config/read", params))
        return applied_config(answer or {}, self._options.setting_sources)

    async def _first_model(self) -> str:
        """Return the model that Codex uses when none is configured."""
        models = await list_models((await self._link.connect()).peer)
        return next((model.id for model in models if model.is_default), models[0].id)
