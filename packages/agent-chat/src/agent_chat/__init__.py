"""The `agent-sdk` command: talk to a coding agent on a terminal, through `agent_sdk_core` alone.

`cli` reads the command line, `conversation` runs one prompt to its end, `view` shows what happens, `ask` asks the user,
and `demo` plays a scripted conversation with the real agent. The package runs on asyncio.
"""

__version__ = "0.1.0"
