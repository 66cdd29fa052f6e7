"""Any agent that speaks the Agent Client Protocol, behind the agent-sdk interfaces.

Everything that `agent_sdk_core` exports is here too, so that `import acp_sdk` is enough. Names load when they are
first used, so that importing this package costs next to nothing. `acp_sdk.protocol` holds the protocol itself, for
agents too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import agent_sdk_core
from agent_sdk_core import lazy_names

if TYPE_CHECKING:
    from acp_sdk.backend import AcpBackend
    from acp_sdk.session import AcpSession
    from agent_sdk_core import *  # noqa: F403  # the whole public core

__version__ = "0.1.0"

__all__: list[str] = ["AcpBackend", "AcpSession"]
__all__ += agent_sdk_core.__all__  # the whole public core

_OURS: Final = {"AcpBackend": "backend", "AcpSession": "session"}

__getattr__ = lazy_names(__name__, _OURS, agent_sdk_core)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
