"""Names of the agents' own tools, and what a rule's tool that is none of them was meant to be.

An agent may have a tool that is not known here, so that a name is refused only where one letter makes it a tool's: one
that is missing, that is too many, that is another, or that is swapped with the next, behind a first that is right. Of
what is merely like a tool it is told. A name with a wildcard is never doubted: `[R]eads` says that it is meant.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

from agent_sdk_core.names import nearest

TOOLS: Final = frozenset(
    {
        # Of Claude, of today and of releases before.
        *("Agent", "AgentOutputTool", "AskUserQuestion", "Bash", "BashOutput", "CronCreate", "CronDelete", "CronList"),
        *("Edit", "EnterPlanMode", "EnterWorktree", "ExitPlanMode", "ExitWorktree", "Glob", "Grep", "KillBash"),
        *("KillShell", "LS", "LSP", "ListAgents", "ListMcpResources", "ListMcpResourcesTool", "Monitor", "MultiEdit"),
        *("NotebookEdit", "NotebookRead", "PowerShell", "PushNotification", "REPL", "Read", "ReadMcpResource"),
        *("ReadMcpResourceTool", "RemoteTrigger", "ReportFindings", "ScheduleWakeup", "SendFeedback", "SendMessage"),
        *("SendUserFile", "SendUserMessage", "Skill", "SlashCommand", "StructuredOutput", "Task", "TaskCreate"),
        *("TaskGet", "TaskList", "TaskOutput", "TaskStop", "TaskUpdate", "TeamCreate", "TeamDelete", "TodoRead"),
        *("TodoWrite", "ToolSearch", "WebFetch", "WebSearch", "Workflow", "Write"),
        # What Codex, and who speaks the Agent Client Protocol, does without a name of Claude's.
        *("CloseAgent", "CollabAgent", "Delete", "FollowupTask", "ImageGeneration", "InterruptAgent", "MessageAgent"),
        *("Move", "RequestPermissions", "ResumeAgent", "SendInput", "Sleep", "WaitAgent", "WriteStdin"),
    }
)

_FOLDED: Final = {name.casefold(): name for name in sorted(TOOLS)}
_ALIKE: Final = 0.75
_SHORTEST: Final = 4
"""Letters of the shortest tool that a slip is looked for in."""


def is_doubtful(name: str) -> bool:
    """Tell whether it is a name without wildcards that is no tool's that is known, and of no MCP server.

    Args:
        name: Of a rule's tool; "" where the rule is about a kind.
    """
    return (
        name != ""
        and not re.search(r"[*?\[]", name)
        and not name.startswith("mcp__")
        and name.casefold() not in _FOLDED
    )


def slip(name: str) -> str | None:
    """Return the tool that a name is but for one letter, None if it is none."""
    if not is_doubtful(name):
        return None
    return next((tool for tool in sorted(TOOLS) if len(tool) >= _SHORTEST and _is_slip(name, tool)), None)


def likely(name: str) -> str | None:
    """Return the tool that a name is like, None if it is a tool's or like none."""
    return _FOLDED.get(nearest(name.casefold(), tuple(_FOLDED), alike=_ALIKE) or "") if is_doubtful(name) else None


def _is_slip(written: str, tool: str) -> bool:
    if written[:1] != tool[:1]:
        return False
    head = _alike(written, tool)
    left, right = written[head:], tool[head:]
    tail = _alike(left[::-1], right[::-1])
    left, right = left[: len(left) - tail], right[: len(right) - tail]
    return max(len(left), len(right)) == 1 or (len(left) == 2 and left == right[::-1])


def _alike(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
