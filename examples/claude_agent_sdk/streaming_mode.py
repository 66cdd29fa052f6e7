"""What a session can do while it goes on: python streaming_mode.py all, or the name of one."""

import asyncio
import sys
from collections import Counter

import agent_sdk_core as sdk


async def basic_streaming(session: sdk.AgentSession) -> None:
    async for piece in session.query("How much is 2 + 2?").texts():
        print(piece, end="", flush=True)
    print()


async def multi_turn_conversation(session: sdk.AgentSession) -> None:
    for prompt in ("What is the capital of France?", "How many people live in that city?"):
        print("Agent:", (await session.run(prompt)).result)


async def concurrent_responses(session: sdk.AgentSession) -> None:
    messages = session.messages()  # all of the session's, whoever asked
    questions = ("How much is 2 + 2?", "The root of 144?", "10 % of 80?")
    for question in questions:
        await session.send(question)  # waits in `session.queue` while a turn runs
    answered = 0
    async for message in messages:
        if isinstance(message, sdk.ResultMessage):
            answered += 1
            print("Agent:", message.error or message.result)
            if answered == len(questions):
                break


async def with_interrupt(session: sdk.AgentSession) -> None:
    turn = session.query("Count to 100, slowly.")
    async for piece in turn.texts():
        print(piece)
        await turn.interrupt()
    print("Interrupted:", turn.result and turn.result.outcome)
    print("Agent:", (await session.run("Never mind. Tell me a joke.")).result)


async def manual_message_handling(session: sdk.AgentSession) -> None:
    found: set[str] = set()
    async for message in session.query("Name five programming languages and what they are for."):
        match message:
            case sdk.AssistantMessage():
                print("Agent:", message.text)
                found |= {name for name in ("Python", "Java", "C++", "Go", "Rust", "Ruby") if name in message.text}
            case sdk.ResultMessage():
                print("Languages:", sorted(found))
            case _:
                pass


async def with_options(session: sdk.AgentSession) -> None:
    options = sdk.SessionOptions(append_system_prompt="You help with code.", permission_mode="accept_edits")
    async with (
        session.backend.create_session(options) as another,
        another.query("Write a greeting into hello.txt.") as turn,
    ):
        used = [
            use.name async for message in turn if isinstance(message, sdk.AssistantMessage) for use in message.tool_uses
        ]
    print("Tools used:", used, turn.result and turn.result.result)


async def many_prompts(session: sdk.AgentSession) -> None:
    prompts = ("I have several questions.", "What is the capital of Japan?", "And 15 % of 200?")
    for result in await asyncio.gather(*(session.run(prompt) for prompt in prompts)):
        print("Agent:", result.error or result.result)


async def bash_command(session: sdk.AgentSession) -> None:
    seen: Counter[str] = Counter()
    async for message in session.query("Run echo with the words: Hello from bash!"):
        seen[type(message).__name__] += 1
        match message:
            case sdk.UserMessage():
                for result in message.tool_results:
                    print("Tool result:", result.text[:100])
            case sdk.AssistantMessage():
                for use in message.tool_uses:
                    print("Tool use:", use.name, use.input.get("command"))
            case sdk.ResultMessage():
                print(f"Agent: {message.error or message.result} (${message.total_cost_usd or 0:.4f})")
            case _:
                pass
    print("Messages:", dict(seen))


async def control_protocol(session: sdk.AgentSession) -> None:
    async for message in session.query("Say hello."):
        if isinstance(message, sdk.InitMessage):
            print("Model:", message.model, "tools:", len(message.tools), "commands:", message.slash_commands[:5])
    await with_interrupt(session)


async def error_handling(session: sdk.AgentSession) -> None:
    try:
        async with asyncio.timeout(2), session.query("Run sleep 15, not in the background.") as turn:
            print("Agent:", (await turn).result)
    except TimeoutError:
        print("Too slow: the turn was interrupted.")
    except sdk.AgentError as error:
        print("Error:", error.code, error)


EXAMPLES = {
    example.__name__: example
    for example in (
        basic_streaming,
        multi_turn_conversation,
        concurrent_responses,
        with_interrupt,
        manual_message_handling,
        with_options,
        many_prompts,
        bash_command,
        control_protocol,
        error_handling,
    )
}


async def main(names: list[str]) -> None:
    async with sdk.create_backend() as backend:
        for name in EXAMPLES if names == ["all"] else names:
            print(f"--- {name}")
            async with backend.create_session() as session:
                await EXAMPLES[name](session)


if __name__ == "__main__":
    if not (chosen := sys.argv[1:]):
        sys.exit(f"Say which: all, {', '.join(EXAMPLES)}")
    asyncio.run(main(chosen))
