"""A chat at the terminal: answers stream, the agent asks before it acts, Ctrl-C ends the turn, Ctrl-D the chat."""

import asyncio
import contextlib
import signal
from collections.abc import Callable

import agent_sdk_core as sdk


async def ask(request: sdk.PermissionRequest) -> sdk.Allow | sdk.Deny:
    print(f"\n{request.tool_name} {dict(request.input)}\n{request.diff or ''}")
    for number, option in enumerate(request.options, 1):
        print(f"  {number}. {option.label}")
    chosen = await asyncio.to_thread(input, "? ")
    if chosen.isdigit() and 0 < int(chosen) <= len(request.options):
        return request.options[int(chosen) - 1].answer
    return sdk.Deny(chosen)  # anything else is told to the agent


async def answer(turn: sdk.Turn) -> None:
    interrupts: list[asyncio.Task[None]] = []
    on_signal(lambda: interrupts.append(asyncio.ensure_future(turn.interrupt())))
    async for piece in turn.texts():
        print(piece, end="", flush=True)
    on_signal(lambda: print("\nCtrl-D ends the chat."))
    if turn.result and turn.result.outcome != "completed":
        print(f"\n[{turn.result.outcome}] {turn.result.error or ''}", end="")
    print()


def on_signal(act: Callable[[], None]) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, act)


async def main() -> None:
    options = sdk.SessionOptions(permission_mode="default", can_use_tool=ask)
    async with sdk.create_backend() as backend, backend.create_session(options) as session:
        with contextlib.suppress(EOFError):
            while True:
                if prompt := (await asyncio.to_thread(input, "> ")).strip():
                    await answer(session.query(prompt))
        print("\nGo on later with", session.resolved_session_id)


if __name__ == "__main__":
    asyncio.run(main())
