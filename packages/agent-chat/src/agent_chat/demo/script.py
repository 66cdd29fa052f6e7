"""What the demo plays: a small project with a typo, what the scripted model says and does, and proof of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from agent_chat.demo.agents import DemoAgent
    from agent_sdk_core.asking.permissions import PermissionRequest
    from agent_sdk_testing import ModelRequest, ScriptedModel, Tokens
    from agent_sdk_testing import Step as ModelStep

    Said = ModelStep | Callable[[ModelRequest], ModelStep | Sequence[ModelStep]]
    Scene = tuple[Sequence[Said], Tokens]

PROMPT: Final = "Fix the typo in greeting.txt, check it, and publish it."

CHUNK_SECONDS: Final = 0.04

Step = Literal["check", "edit", "publish"]

WRONG: Final = "Hello, wrld!"
RIGHT: Final = "Hello, world!"
_REST: Final = "\nNice to see you.\n"
_CHECK: Final = """\
for word in $(cat greeting.txt); do
  echo "checking $word"
  sleep 0.2
done
echo "checked" > check.log
grep -c wrld greeting.txt | sed 's/^/typos found: /'
"""
_PUBLISH: Final = 'cp greeting.txt published.txt\necho "published"\n'


def write_project(folder: Path) -> None:
    """Write the files that the demo works on."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("greeting.txt", WRONG + _REST), ("check.sh", _CHECK), ("publish.sh", _PUBLISH)):
        (folder / name).write_text(text, encoding="utf-8")


def restore_project(folder: Path) -> None:
    """Write the files anew, and take away what a turn before has made of them."""
    for made in ("check.log", "published.txt"):
        (folder / made).unlink(missing_ok=True)
    write_project(folder)


def script(model: ScriptedModel, agent: DemoAgent, folder: Path) -> None:
    """Tell the model what to say: one reply for each of the agent's requests.

    Args:
        model: The model.
        agent: The agent that asks it.
        folder: The project, for the model speaks of what really happened there.
    """
    for steps, usage in scenes(agent, folder):
        model.reply(*steps, usage=usage)


def scenes(agent: DemoAgent, folder: Path) -> tuple[Scene, ...]:
    """Return what the model says and does, one reply after the other; see `script`."""
    from agent_sdk_testing import Tokens, delay, reasoning, text

    pause = delay(CHUNK_SECONDS)

    def said(words: str, *, phase: Literal["commentary", "final_answer"] = "commentary") -> ModelStep:
        first, *others = words.split(" ")
        return text(first, *(part for word in others for part in (pause, f" {word}")), phase=phase)

    def publish_question(_: ModelRequest) -> ModelStep:
        fixed = "Fixed." if Proof.read(folder).edit else "Then the typo stays."
        return said(f"{fixed} Publishing leaves this folder, so I ask before I do it.")

    def report(_: ModelRequest) -> ModelStep:
        return said(Proof.read(folder).report(), phase="final_answer")

    thought = (
        "**Looking for the typo**\n\n",
        pause,
        "The check script tells ",
        pause,
        "what is wrong, so I run it first.",
    )
    check = (
        reasoning(*thought),
        said("I'll run the check first, to see what it finds."),
        agent.run("sh check.sh", "The check writes a log."),
    )
    edit = (
        said("It found one: `wrld` should be `world`. I'll fix it."),
        agent.edit(folder / "greeting.txt", WRONG, RIGHT),
    )
    publish = (publish_question, agent.run("sh publish.sh", "Publishing makes the greeting visible to others."))
    return (
        (check, Tokens(input=9_840, cached=8_192, output=126, reasoning=48)),
        (edit, Tokens(input=10_210, cached=9_728, output=88)),
        (publish, Tokens(input=10_460, cached=9_984, output=74)),
        ((report,), Tokens(input=10_720, cached=10_240, output=61)),
    )


def step_of(request: PermissionRequest) -> Step | None:
    """Return which step of the script asks, None when it is none of them."""
    command = str(request.input.get("command", ""))
    if "check.sh" in command:
        return "check"
    if "publish.sh" in command:
        return "publish"
    return "edit" if request.kind == "edit" else None


@dataclass(frozen=True, slots=True)
class Proof:
    """What the folder shows of each step."""

    check: bool
    edit: bool
    publish: bool

    @classmethod
    def read(cls, folder: Path) -> Proof:
        """Look at the folder."""
        return cls(
            check=(folder / "check.log").exists(),
            edit=(folder / "greeting.txt").read_text(encoding="utf-8") == RIGHT + _REST,
            publish=(folder / "published.txt").exists(),
        )

    def report(self) -> str:
        """Return what happened, as the model would put it."""
        publish = "ran, and the greeting is public" if self.publish else "did not run: you declined it"
        return "\n".join(
            (
                "Here is what happened:\n",
                f"- **check.sh** {'ran, and found the typo' if self.check else 'did not run'}",
                f"- **greeting.txt** {'is fixed' if self.edit else 'is as it was'}",
                f"- **publish.sh** {publish}",
            )
        )

    def contradictions(self, answers: dict[Step, bool]) -> list[str]:
        """Return what does not fit the answers, one sentence each; a step that never asked must not have happened."""
        problems: list[str] = []
        happenings: dict[Step, bool] = {"check": self.check, "edit": self.edit, "publish": self.publish}
        for step, happened in happenings.items():
            allowed = answers.get(step)
            if allowed is None:
                problems.append(f"the agent never asked about the step {step!r}")
            if happened and not allowed:
                problems.append(f"the step {step!r} happened although it was not allowed")
            if allowed and not happened:
                problems.append(f"the step {step!r} did not happen although it was allowed")
        return problems
