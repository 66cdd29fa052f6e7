"""The `acp` command: an agent for clients of the Agent Client Protocol."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING

from agent_chat.acp.stdio import serve_stdio, take_pipes
from agent_chat.exits import ExitCode
from agent_chat.settings import UsageError
from agent_sdk_core.names import is_registered

if TYPE_CHECKING:
    from agent_chat.chats.service import ChatService


def run_acp(backend: str | None) -> int:
    """Serve the client at standard input and output, and return the exit code.

    Raises:
        UsageError: There is no such agent.
    """
    name = None if backend is None else known_backend(backend)
    pipes = take_pipes()
    find_login = partial(login_arguments, name)
    return asyncio.run(serve_stdio(lambda: open_service(name), backend=name, pipes=pipes, find_login=find_login))


def login_arguments(backend: str | None) -> tuple[str, ...]:
    """Return the arguments by which somebody logs in; none for an agent of whom only its own command can.

    That is one that has its name from the configuration, whoever chose it: the command line, or the configuration too.
    """
    if backend is None:
        # Here, not above: a client that runs no program in a terminal waits for none of it.
        from agent_sdk_core.config.naming import named_backend
        from agent_sdk_core.errors import AgentError
        from agent_sdk_core.names import chosen_backend

        try:
            backend = named_backend() or chosen_backend(None)
        except AgentError:
            return ()  # The first session says what is wrong.
    return ("--login",) if is_registered(backend) else ()


def known_backend(name: str) -> str:
    """Return the name of an installed agent.

    Raises:
        UsageError: There is none of this name.
    """
    from agent_sdk_core.errors import InvalidRequestError
    from agent_sdk_core.names import canonical_name, parse_backend_type

    try:
        return parse_backend_type(name)
    except InvalidRequestError as error:
        # Only now, for it takes as long as everything else: one that is not installed may be configured.
        from agent_sdk_core.config.runtime import RuntimeConfig

        try:
            if RuntimeConfig.load().kind_of(name) is not None:
                return canonical_name(name)
        except InvalidRequestError as wrong:
            raise UsageError(wrong.message) from None
        raise UsageError(error.message) from None


async def open_service(backend: str | None) -> ChatService:
    """Return the user's own chats, opened.

    Raises:
        AgentError: The configuration or the store cannot be used.
    """
    # Here, not above: a client that only asks what there is waits for none of it.
    from agent_chat.chats.service import ChatService
    from agent_chat.storage.opening import open_store
    from agent_sdk_core.config.runtime import RuntimeConfig

    config = RuntimeConfig.load(backend=backend)
    service = ChatService(config=config, store=open_store(config=config), name="agent-sdk acp")
    return await service.__aenter__()


def run_login(backend: str | None) -> int:
    """Log in at the agent, for a person at this terminal, and return the exit code.

    Raises:
        UsageError: There is no such agent.
        AgentError: It cannot be started, or the login failed.
    """
    return asyncio.run(_login(None if backend is None else known_backend(backend)))


async def _login(backend: str | None) -> int:
    from agent_chat.settings import open_backend
    from agent_sdk_core.config.runtime import RuntimeConfig
    from agent_sdk_core.errors import UnsupportedOptionError

    config = RuntimeConfig.load(backend=backend)
    async with open_backend(backend, config) as agent:
        if not agent.capabilities.login_methods:
            raise UnsupportedOptionError(
                f"At {agent.type} one logs in by its own command alone, which its own documentation says; "
                f"`agent-sdk run -b {agent.type} hello` tells which ways it offers where it wants a login.",
                backend=agent.type,
            )
        if not (await agent.account()).needs_login:
            sys.stdout.write("Somebody is logged in already.\n")
            return ExitCode.OK
        async with await agent.login() as login:
            if login.user_code is not None:
                sys.stdout.write(f"The code is {login.user_code}.\n")
            sys.stdout.write(f"Open {login.url or login.manual_url} in a browser, and log in there.\n")
            sys.stdout.flush()
            await login.wait()
    sys.stdout.write("Logged in.\n")
    return ExitCode.OK
