"""Which request opens a session: `thread/start`, `thread/resume` or `thread/fork`, and its parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from agent_sdk_core.errors import UnsupportedOptionError
from agent_sdk_core.names import nearest
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.records import dataclass
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.structured.strict import strict_form
from agent_sdk_core.wire.reading import Json, record_at
from codex_sdk.process.config_keys import unknown_keys
from codex_sdk.threads.params import thread_params
from codex_sdk.tools import tool_specs


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that opens a session.

    Attributes:
        method: Its method.
        params: Its parameters.
        stored: Whether the thread is stored from the start, so that it can be resumed at once.
        answers: What its answers have to be, where the session has an output schema.
        unknown: What of `native` and `settings` this SDK does not know, each with what was meant, as a clause.
    """

    method: Literal["thread/start", "thread/resume", "thread/fork"]
    params: Json
    stored: bool
    answers: AnswerForm | None = None
    unknown: tuple[str, ...] = ()

    @property
    def servers(self) -> frozenset[str]:
        """The MCP servers that the thread has beside those of Codex's own configuration."""
        config = record_at(self.params, "config")
        dotted = (key.split(".")[1] for key in config if key.startswith("mcp_servers."))
        return frozenset({*record_at(config, "mcp_servers"), *dotted})


def require_prices(options: SessionOptions, prices: object) -> None:
    """Refuse a limit of the cost where nobody can tell it: Codex does not, so that the caller's prices have to.

    Raises:
        UnsupportedOptionError: The cost is limited, and there are no prices.
    """
    limited = "max_budget_usd" if options.max_budget_usd is not None else None
    if options.policy is not None and options.policy.limits.counts_cost:
        limited = limited or "policy"
    if limited is not None and not prices:
        raise UnsupportedOptionError(
            f"Codex does not tell what a session costs, so that SessionOptions.{limited} could not be kept; pass the "
            'prices of its models: CodexBackend(prices={"MODEL": ModelPrice(…)}).',
            backend="codex",
            details={"option": limited},
        )


def opening(options: SessionOptions) -> Opening:
    """Return the request that opens a session with these options; `fork_at` is taken for a turn's id.

    Raises:
        InvalidRequestError: An option is wrong, or `fork` has nothing to fork.
        UnsupportedOptionError: An option cannot be honoured.
    """
    answers = None if options.output_schema is None else strict_form(options.output_schema, backend="codex")
    params = thread_params(options)
    unknown = _unknown(options, params)
    if options.resume is None:
        if specs := [spec for registry in options.registries for spec in tool_specs(registry)]:
            params.setdefault("dynamicTools", specs)
        params.setdefault("experimentalRawEvents", True)  # They tell of the calls that have no item.
        return Opening("thread/start", params, False, answers, unknown)
    if "dynamicTools" in params:
        raise UnsupportedOptionError(
            "The codex backend cannot change a stored session's tools: it keeps those it was started with.",
            backend="codex",
        )
    # Turns are paged in by `history()`; together they can be larger than any message should be.
    params |= {"threadId": options.resume, "excludeTurns": True}
    if not options.fork:
        if params.pop("ephemeral", None) is not None and options.ephemeral:
            raise UnsupportedOptionError(
                "The codex backend cannot go on with a stored session without storing it: "
                "SessionOptions(ephemeral=True, resume=…) needs fork=True.",
                backend="codex",
                details={"option": "ephemeral"},
            )
        return Opening("thread/resume", params, True, answers, unknown)
    if options.fork_at is not None:
        params["lastTurnId"] = options.fork_at
    return Opening("thread/fork", params, True, answers, unknown)


def _unknown(options: SessionOptions, params: Json) -> tuple[str, ...]:
    """Return what Codex would pass over in silence: parameters and keys of its configuration that it has not."""
    told: list[str] = []
    if options.native:
        from codex_sdk.protocol.thread import ThreadForkParams, ThreadResumeParams, ThreadStartParams

        request = (
            ThreadStartParams if options.resume is None else ThreadForkParams if options.fork else ThreadResumeParams
        )
        known = [field.alias or name for name, field in request.model_fields.items()]
        told += [f"parameter native[{name!r}]{_meant(name, known)}" for name in options.native if name not in known]
    config = params.get("config")
    if isinstance(config, Mapping):
        keys = unknown_keys(cast("Mapping[str, object]", config))
        told += [f"key {key!r} of its configuration{_meant(key, sorted(known))}" for key, known in keys]
    return tuple(told)


def _meant(name: str, known: Sequence[str]) -> str:
    meant = nearest(name.rpartition(".")[2], known)
    return f"; did you mean {meant!r}?" if meant else "."
