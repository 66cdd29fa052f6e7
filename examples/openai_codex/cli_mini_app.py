"""A chat at the terminal, with usage and errors."""

import asyncio

import agent_sdk_core as sdk


async def main() -> None:
    print("Type /exit to quit.")
    async with sdk.create_backend() as backend, backend.create_session() as session:
        print("Session:", session.session_id)
        while True:
            try:
                prompt = (await asyncio.to_thread(input, "you> ")).strip()
            except EOFError:
                break
            if prompt in ("/exit", "/quit"):
                break
            if not prompt:
                continue
            print("agent> ", end="", flush=True)
            turn = session.query(prompt)
            async for piece in turn.texts():
                print(piece, end="", flush=True)
            if turn.result:
                print(f"\nstatus> {turn.result.outcome}", turn.result.error or "")
                print("usage> last:", turn.result.usage)
                print("usage> total:", (await session.usage()).total)


if __name__ == "__main__":
    asyncio.run(main())
