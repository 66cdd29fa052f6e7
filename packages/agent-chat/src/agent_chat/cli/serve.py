"""The `serve` command: the chats in a browser."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent_chat import __version__
from agent_chat.chats.service import ChatService
from agent_chat.cli.demo import demo_agents
from agent_chat.cli.policy import policy_table
from agent_chat.cli.stdio import write_progress
from agent_chat.cli.tables import write_objects
from agent_chat.cli.trust import ask_for_trust
from agent_chat.config.service import SettingsService
from agent_chat.exits import ExitCode
from agent_chat.settings import RunSettings, UsageError, shortened, working_folder
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.opening import open_store
from agent_chat.web import bundle
from agent_chat.web.access import Access, is_loopback
from agent_chat.web.app import create_app
from agent_chat.web.hold import Hold, hold_by_stdin
from agent_chat.web.server import listen, running, until_signal
from agent_sdk_core.config.runtime import RuntimeConfig
from agent_sdk_core.errors import InvalidRequestError

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
"""A host as a browser's address has it, with a port or without."""

READ_ONLY: Final = "The server was started to show chats, and nothing else."


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What `serve` was told.

    Attributes:
        backend: The agent of new chats; None: as configured.
        cwd: The folder of new chats; None: the current one.
        host: The address to listen on.
        port: The port; 0: any free one.
        demo: Whether the demo's agents are served.
        opens: Whether a browser is opened.
        as_json: Whether the link is printed as JSON.
        behind_proxy: The host by which a proxy with TLS reaches the server; None: there is none.
        embed: Whether a program holds the server by its stdin, and gets a token for its page.
        read_only: Whether chats are shown and nothing else.
        trust: Whether the folder is trusted from now on.
        policy: A file with rules for every chat, beside those that are configured; None: those alone.
    """

    backend: str | None = None
    cwd: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    demo: bool = False
    opens: bool = True
    as_json: bool = False
    behind_proxy: str | None = None
    embed: bool = False
    read_only: bool = False
    trust: bool = False
    policy: str | None = None


def run_serve(settings: ServeSettings) -> int:
    """Serve until a signal comes, and return the exit code.

    Raises:
        UsageError: The folder, the agent, the address or the configuration cannot be used.
        AgentError: The port is taken, or the demo finds no agent.
    """
    if not settings.host.strip():
        raise UsageError("--host takes the address to listen on, such as 127.0.0.1, and not nothing.")
    if settings.behind_proxy is not None and _HOST.fullmatch(settings.behind_proxy) is None:
        raise UsageError(
            "--behind-proxy takes the host of the proxy, with its port where that is not 443, such as chats.example, "
            f"not {shortened(settings.behind_proxy)!r}."
        )
    if not is_loopback(settings.host) and settings.behind_proxy is None:
        raise UsageError(
            f"Whoever reaches {settings.host} could run commands here, and the link would cross the network in the "
            "clear: put a proxy with TLS before the server, and name its host with --behind-proxy HOST."
        )
    if settings.embed and settings.behind_proxy is not None:
        raise UsageError("A program that holds the server is on this machine: leave out --behind-proxy, or --embed.")
    folder, config, chosen = _chosen(settings)
    if not settings.embed:
        ensure_page()
    with ExitStack() as stack:
        proposed: str | None = None
        if settings.demo:
            from agent_chat.demo import script
            from agent_chat.demo.serving import open_house

            house = stack.enter_context(open_house())
            for sentence in house.missing:
                write_progress(f"{sentence}.")
            write_progress("A scripted model answers here, not a real one. The agents are the real ones.")
            proposed = script.PROMPT
            service = ChatService(
                config=config,
                store=MemoryStore(),
                make_backend=house.make_backend,
                backends=house.backends,
                cwd=house.project,
                name="agent-sdk serve",
            )
        else:
            service = ChatService(
                settings=chosen,
                store=open_store(config=config),
                cwd=folder,
                name="agent-sdk serve",
                read_only=READ_ONLY if settings.read_only else "",
                keeps_requests=True,
            )
        return asyncio.run(_serve(service, settings, proposed))


def _chosen(settings: ServeSettings) -> tuple[str, RuntimeConfig, SettingsService | None]:
    """Return folder and configuration of new chats, before anything is built or started; settings but for the demo."""
    if settings.demo:
        own = {"--cwd": settings.cwd is not None, "--trust": settings.trust, "--policy": settings.policy is not None}
        for name, is_given in own.items():
            if is_given:
                raise UsageError(f"The demo works in a folder of its own: leave out {name}, or --demo.")
        config = RuntimeConfig(backend=settings.backend and demo_agents(settings.backend)[0].name)
        return working_folder(None), config, None
    folder = working_folder(settings.cwd)
    if not settings.read_only:
        ask_for_trust(RunSettings(cwd=folder, trust=settings.trust), _say, as_json=settings.as_json)
    try:
        rules = policy_table(Path(os.path.expanduser(settings.policy)))[2] if settings.policy is not None else None
        chosen = SettingsService(cwd=folder, backend=settings.backend or None, policy=rules)
        if chosen.config.backend is not None:
            chosen.config.chosen_type()
    except InvalidRequestError as error:
        raise UsageError(error.message) from None
    return folder, chosen.config, chosen


def _say(text: str, level: str) -> None:
    del level
    write_progress(text)


def ensure_page() -> None:
    """Build the page where its sources are and it is not, which takes half a minute; without it the API is served."""
    if bundle.is_built():
        return
    if not bundle.can_be_built():
        write_progress("This installation has no page; the API is served without it.")
        return
    write_progress("The page is not built yet: that is done once.")
    try:
        bundle.build(write_progress, anew=False)
    except bundle.BundleError as error:
        write_progress(f"{error} The API is served without it.")


async def _serve(service: ChatService, settings: ServeSettings, proposed: str | None) -> int:
    bound = listen(settings.host, settings.port)
    try:
        port = bound.getsockname()[1]
        proxy = settings.behind_proxy
        access = Access([proxy] if proxy else [], secure=proxy is not None)
        access.add_loopback(port)
        base = f"https://{proxy}" if proxy else f"http://{_shown(settings.host)}:{port}"
        async with service:
            hold = Hold(access, lambda: _is_busy(service)) if settings.embed else None
            app = create_app(service, access, demo=proposed, hold=hold)
            async with running(app, bound):
                if hold is not None:
                    return await _held(hold, base, access)
                _announce(access.link(base), settings, f"{base.replace('http', 'ws', 1)}/acp", access.token())
                return await until_signal()
    finally:
        bound.close()


async def _held(hold: Hold, base: str, access: Access) -> int:
    """Serve the program at the other end of the pipes, until it is gone or a signal comes."""

    def tell(told: Mapping[str, Any]) -> None:
        with suppress(OSError):  # It reads no more; that it is gone is seen on stdin.
            write_objects([told])
            sys.stdout.flush()

    tell({"url": base, "token": access.token(), "version": __version__, "pid": os.getpid()})
    hold_by_stdin(hold, tell)
    signalled, let_go = asyncio.ensure_future(until_signal()), asyncio.ensure_future(hold.until_let_go())
    await asyncio.wait([signalled, let_go], return_when=asyncio.FIRST_COMPLETED)
    for task in (signalled, let_go):
        task.cancel()
    await asyncio.wait([signalled, let_go])
    return ExitCode.OK if signalled.cancelled() else signalled.result()


def _is_busy(service: ChatService) -> bool:
    return any(chat.state in ("opening", "running", "requires_action") for chat in service.open_chats)


def _announce(link: str, settings: ServeSettings, acp: str, token: str) -> None:
    """Tell the link for a browser, and address and token for clients of the Agent Client Protocol."""
    if settings.as_json:
        write_objects([{"url": link, "acp": acp, "token": token}])
    else:
        sys.stdout.write(f"{link}\n")
    sys.stdout.flush()
    write_progress("The link opens the chats once, in one browser. Ctrl-C ends the server.")
    write_progress(f"Clients of the Agent Client Protocol: {acp}, with the token {token}")
    if settings.opens:
        threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
