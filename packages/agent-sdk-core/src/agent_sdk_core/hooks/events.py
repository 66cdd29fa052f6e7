"""Events: what hooks are told, alike on every agent, and what may be answered to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Literal

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.hooks.decisions import AddContext, Block, ChangeInput, Decision, StopTurn
from agent_sdk_core.hooks.names import HookName
from agent_sdk_core.records import dataclass


@checked_class()
@dataclass(frozen=True, slots=True, kw_only=True)
class HookEvent:
    """What every event tells.

    Attributes:
        session_id: The session.
        cwd: Folder that the agent works in.
        agent_id: The sub-agent that it happens in; None: the session's own agent.
        raw: What the agent sent, as its wire has it.
    """

    name: ClassVar[HookName]
    takes: ClassVar[tuple[type[Decision], ...]] = ()
    guards: ClassVar[bool] = True

    session_id: str = ""
    cwd: str | None = None
    agent_id: str | None = None
    raw: Mapping[str, object] = field(default_factory=dict[str, object], repr=False, compare=False)

    @property
    def subject(self) -> str | None:
        """What a matcher is held against; None: nothing."""
        return None


@checked_class()
@dataclass(frozen=True, slots=True)
class PreToolUseEvent(HookEvent):
    """A tool is about to run, whether the agent would ask for it or not.

    A `Block` tells the model its reason instead; a hook that fails blocks as well.

    Attributes:
        tool_name: The tool in Claude's vocabulary, such as "Bash", "Edit" or "mcp__server__tool".
        input: Its arguments. A patch of Codex's is an "Edit" with `diff` and `file_paths`, or, of one file, with
            `file_path`; a new file a "Write" with its `content`.
        tool_use_id: The tool use, as messages name it.
    """

    name = "pre_tool_use"
    takes = (Block, ChangeInput, AddContext, StopTurn)

    tool_name: str
    input: Mapping[str, object]
    tool_use_id: str | None = None

    @property
    def subject(self) -> str:
        """The tool."""
        return self.tool_name


@checked_class()
@dataclass(frozen=True, slots=True)
class PostToolUseEvent(HookEvent):
    """A tool has run. A `Block` tells the model its reason: on Codex instead of the result, on Claude beside it.

    Attributes:
        tool_name: The tool in Claude's vocabulary.
        input: Its arguments, as it ran.
        response: What it returned, in the agent's own shape: text, or data.
        tool_use_id: The tool use, as messages name it.
        is_error: Whether it failed, where the agent tells: Codex calls no hook for some tools that failed, and does not
            tell of a command that it did.
    """

    name = "post_tool_use"
    takes = (Block, AddContext, StopTurn)

    tool_name: str
    input: Mapping[str, object]
    response: object = None
    tool_use_id: str | None = None
    is_error: bool = False

    @property
    def subject(self) -> str:
        """The tool."""
        return self.tool_name


@checked_class()
@dataclass(frozen=True, slots=True)
class PromptSubmitEvent(HookEvent):
    """A prompt is about to be sent, one that joins a running turn too.

    A `Block` ends the prompt with a failed result, and the agent never sees it.

    Attributes:
        prompt: Its text; of other blocks nothing.
        uuid: Its uuid, by which results list it.
    """

    name = "prompt_submit"
    takes = (Block, AddContext)

    prompt: str
    uuid: str = ""


@checked_class()
@dataclass(frozen=True, slots=True)
class SessionStartEvent(HookEvent):
    """A session has been opened. A `Block` closes it again, and `create_session` raises; context goes with the prompt.

    Attributes:
        source: Whether it is new, resumed, or a fork.
    """

    name = "session_start"
    takes = (Block, AddContext)

    source: Literal["startup", "resume", "fork"] = "startup"

    @property
    def subject(self) -> str:
        """How it was opened."""
        return self.source


@checked_class()
@dataclass(frozen=True, slots=True)
class SessionEndEvent(HookEvent):
    """A session ends; hooks have five seconds.

    Attributes:
        reason: Whether it was closed, killed, or lost with its agent.
    """

    name = "session_end"
    guards = False

    reason: Literal["closed", "killed", "lost"] = "closed"

    @property
    def subject(self) -> str:
        """Why it ends."""
        return self.reason


@checked_class()
@dataclass(frozen=True, slots=True)
class StopEvent(HookEvent):
    """The agent has answered, and its turn would end.

    A `Block` has it go on, with the reason as its next instruction; a hook that fails lets the turn end.

    Attributes:
        last_message: What it said last.
        active: Whether a hook has had it go on already in this turn: one that blocks again and again never ends.
    """

    name = "stop"
    takes = (Block,)
    guards = False

    last_message: str | None = None
    active: bool = False


@checked_class()
@dataclass(frozen=True, slots=True)
class PreCompactEvent(HookEvent):
    """The conversation is about to be replaced by a summary. A `Block` keeps it as it is.

    Attributes:
        trigger: Whether somebody asked for it, or the agent needs the room.
    """

    name = "pre_compact"
    takes = (Block,)

    trigger: Literal["manual", "auto"] = "manual"

    @property
    def subject(self) -> str:
        """Why it is compacted."""
        return self.trigger


@checked_class()
@dataclass(frozen=True, slots=True)
class PostCompactEvent(HookEvent):
    """The conversation was replaced by a summary.

    Attributes:
        trigger: Whether somebody asked for it, or the agent needed the room.
        summary: The summary, where the agent tells it (Claude).
    """

    name = "post_compact"
    guards = False

    trigger: Literal["manual", "auto"] = "manual"
    summary: str | None = None

    @property
    def subject(self) -> str:
        """Why it was compacted."""
        return self.trigger


@checked_class()
@dataclass(frozen=True, slots=True)
class SubagentStartEvent(HookEvent):
    """A sub-agent starts. It cannot be blocked here: that is for `pre_tool_use` with `matcher="Agent"`.

    Attributes:
        agent_type: Its kind, as `SessionOptions.agents` names it.
    """

    name = "subagent_start"
    takes = (AddContext,)
    guards = False

    agent_type: str = ""

    @property
    def subject(self) -> str:
        """Its kind."""
        return self.agent_type


@checked_class()
@dataclass(frozen=True, slots=True)
class SubagentStopEvent(HookEvent):
    """A sub-agent has answered, and would end. A `Block` has it go on, as in `StopEvent`.

    Attributes:
        agent_type: Its kind.
        last_message: What it said last.
        active: Whether a hook has had it go on already.
    """

    name = "subagent_stop"
    takes = (Block,)
    guards = False

    agent_type: str = ""
    last_message: str | None = None
    active: bool = False

    @property
    def subject(self) -> str:
        """Its kind."""
        return self.agent_type


@checked_class()
@dataclass(frozen=True, slots=True)
class PreSkillCommandEvent(HookEvent):
    """A shell command in the text of a skill is about to run (Claude 2.1.332). A `Block` stops it.

    Attributes:
        command: The command.
        skill: The skill, where it is told.
    """

    name = "pre_skill_command"
    takes = (Block,)

    command: str
    skill: str | None = None

    @property
    def subject(self) -> str | None:
        """The skill."""
        return self.skill


EVENTS: tuple[type[HookEvent], ...] = (
    PreToolUseEvent,
    PostToolUseEvent,
    PromptSubmitEvent,
    SessionStartEvent,
    SessionEndEvent,
    StopEvent,
    PreCompactEvent,
    PostCompactEvent,
    SubagentStartEvent,
    SubagentStopEvent,
    PreSkillCommandEvent,
)
MATCHED: frozenset[HookName] = frozenset(event.name for event in EVENTS if "subject" in vars(event))
"""The events whose hooks may have a matcher."""
