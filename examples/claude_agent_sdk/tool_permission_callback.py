"""Decide about each tool use: allow, refuse, change its input, or ask the person at the terminal."""

import asyncio

import claude_sdk as sdk

DANGEROUS = ("rm -rf", "sudo", "chmod 777", "dd if=", "mkfs")
asked: list[sdk.PermissionRequest] = []


async def decide(request: sdk.PermissionRequest) -> sdk.Allow | sdk.Deny:
    asked.append(request)
    print(f"The agent wants to use {request.tool_name}: {dict(request.input)}")
    if request.kind in ("read", "search"):
        return sdk.Allow()
    if request.kind == "edit":
        path = str(request.input["file_path"])
        if path.startswith(("/etc/", "/usr/")):
            return sdk.Deny(f"{path} belongs to the system.")
        if "path" in request.escalates:
            return sdk.Allow(updated_input={**request.input, "file_path": f"safe_output/{path.rpartition('/')[2]}"})
        return sdk.Allow()
    if request.kind == "execute":
        command = str(request.input["command"])
        found = [word for word in DANGEROUS if word in command]
        return sdk.Deny(f"{found[0]} is dangerous.") if found else sdk.Allow()
    answer = await asyncio.to_thread(input, "Allow it? (y/N) ")
    return sdk.Allow() if answer.strip().lower() in ("y", "yes") else sdk.Deny("The user said no.")


async def main() -> None:
    options = sdk.SessionOptions(can_use_tool=decide, permission_mode="default", cwd=".")
    result = await sdk.query("List the files here, write a hello.py, and run it.", options=options)
    print("Claude:", result.error or result.result)
    print(f"{result.outcome} after {result.duration_ms} ms, cost ${result.total_cost_usd or 0:.4f}")
    for number, request in enumerate(asked, 1):
        print(f"{number}. {request.tool_name} {dict(request.input)}: {[option.label for option in request.options]}")


if __name__ == "__main__":
    asyncio.run(main())
