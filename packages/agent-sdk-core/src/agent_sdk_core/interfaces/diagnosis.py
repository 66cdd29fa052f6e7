"""What there is to know of an installed agent before it is used: where it is, whether it fits, who is logged in.

`AgentBackend.diagnose` looks at one agent. `diagnose_backend` does so by name, with the configuration, and finds also
what keeps a backend from being made at all; `available_backends` looks at all of them, and starts none. Each tells by a
`Diagnosis`, whose `usable` is the answer. Trouble is a finding here and never an exception.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.errors import AgentError, ExecutableNotFoundError
from agent_sdk_core.records import dataclass

if TYPE_CHECKING:
    from agent_sdk_core.names import BackendType

Severity = Literal["warning", "error"]
"""`error`: sessions cannot be expected to work. `warning`: they work, and something should be known."""

DiagnosisStatus = Literal["ok", "warning", "error", "missing"]
"""`missing`: the agent is not installed, and nobody said that it should be."""

DEFAULT_SECONDS: Final = 20.0
_SENTENCE_END: Final = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_ASK_BY_HAND: Final = "Try the executable by hand, or install the agent again."


@checked_class()
@dataclass(frozen=True, slots=True)
class Problem:
    """Something to know about an agent.

    Attributes:
        what: What is the matter, in a sentence.
        advice: What to do about it, in a sentence.
        severity: Whether sessions work nevertheless.
        code: Stable identifier, that of the error where there was one.
    """

    what: str
    advice: str
    severity: Severity = "error"
    code: str = "problem"

    @classmethod
    def of(cls, error: AgentError, *, advice: str = _ASK_BY_HAND) -> Problem:
        """Return an error as a problem.

        Args:
            error: The error, whose message ends with what to do.
            advice: What to do where the message says nothing of it.
        """
        what, *rest = _SENTENCE_END.split(error.message, maxsplit=1)
        return cls(f"{what.rstrip('.')}.", rest[0] if rest else advice, code=error.code)


@checked_class()
@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about an agent, by starting it or by its place alone. Nothing in here is secret.

    Attributes:
        backend: Name of the backend.
        executable: The executable that a session would start; None when there is none.
        version: Version of the agent, as it tells it; None when it did not.
        tested: The versions that the backend is tested with, in words; "" when it does not say.
        within_tested_range: Whether `version` is one of these; None when that is not known.
        login: Who is logged in, as the agent reports it, in words; "" when it did not.
        logged_in: Whether that is enough to use it; None when that is not known.
        drift: How the agent's protocol differs from the one that the backend was made for.
        incomparable: Why there is no `drift`, in words.
        problems: What is the matter, the worst first.
    """

    backend: BackendType
    executable: str | None = None
    version: str | None = None
    tested: str = ""
    within_tested_range: bool | None = None
    login: str = ""
    logged_in: bool | None = None
    drift: ProtocolDrift | None = None
    incomparable: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def type(self) -> BackendType:
        """Name of the backend, as `create_backend` takes it."""
        return self.backend

    @property
    def problem(self) -> str | None:
        """Why sessions cannot be expected to work, and what to do about it; None where they can."""
        return None if self.usable else f"{self.problems[0].what} {self.problems[0].advice}"

    @property
    def status(self) -> DiagnosisStatus:
        """What follows from it, in a word."""
        severities = {problem.severity for problem in self.problems}
        if "error" not in severities:
            return "warning" if severities else "ok"
        is_missing = self.executable is None and self.problems[0].code == ExecutableNotFoundError.default_code
        return "missing" if is_missing else "error"

    @property
    def usable(self) -> bool:
        """Whether sessions can be expected to work."""
        return self.status in ("ok", "warning")

    def with_problems(self, *problems: Problem) -> Diagnosis:
        """Return it with more problems, sorted by severity."""
        return replace(self, problems=tuple(sorted((*self.problems, *problems), key=lambda it: it.severity)))


def located(
    backend: BackendType, executable: str | None, error: AgentError | None = None, *, named: bool = False
) -> Diagnosis:
    """Return what is known of an agent of which nothing but its place is known.

    Args:
        backend: Name of its backend.
        executable: Where it is; None for a backend that starts none.
        error: Why it was not found.
        named: Whether somebody said where it should be, so that its lack is no mere absence.
    """
    problems: tuple[Problem, ...] = ()
    if error is not None:
        problem = Problem.of(error)
        problems = (replace(problem, code=f"named_{problem.code}") if named else problem,)
    reason = "nothing is there to compare" if error else f"the {backend} backend cannot compare protocols"
    return Diagnosis(backend, executable, incomparable=reason, problems=problems)


DriftVerdict = Literal["same", "compatible", "reduced", "incompatible"]
"""`same`: no difference. `compatible`: nothing that the backend uses is gone or changed. `reduced`: sessions work, and
what needs the problems does not. `incompatible`: no session works."""


@checked_class()
@dataclass(frozen=True, slots=True)
class ProtocolDrift:
    """The differences, each as a line for a person that begins with its name on the wire.

    Attributes:
        version: Version of the agent that was looked at.
        shipped_version: Version that the backend was made for.
        verdict: What follows for the backend.
        problems: What the backend uses and is gone or changed.
        added: What is new in `version`.
        removed: What is gone from it.
        changed: What is there and different.
    """

    version: str
    shipped_version: str
    verdict: DriftVerdict = "same"
    problems: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def compatible(self) -> bool:
        """Whether everything that the backend uses is there and fits."""
        return self.verdict in ("same", "compatible")

    @property
    def runs(self) -> bool:
        """Whether sessions work, if perhaps not all that they can do."""
        return self.verdict != "incompatible"
