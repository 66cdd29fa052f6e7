"""Begin a login, cancel it, and see which account is used."""

import asyncio

import codex_sdk as sdk


async def main() -> None:
    async with sdk.CodexBackend() as codex:
        async with await codex.login() as login:
            print("Open", login.url)  # leaving the block cancels; `await login.wait()` returns the account
        print("done:", login.done)
        print("account:", await codex.account())


if __name__ == "__main__":
    asyncio.run(main())
