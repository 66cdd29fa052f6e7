"""Cells for a notebook: the synchronous face, so that nothing is awaited and a cell may be run again."""

# %% Once
from agent_sdk_core import Allow, Deny, PermissionRequest, sync


def ask(request: PermissionRequest) -> Allow | Deny:
    print(request.tool_name, dict(request.input))
    return Allow() if input("Allow it? (y/N) ") == "y" else Deny("Not now.")


backend = sync.create_backend()
session = backend.create_session(sync.SessionOptions(permission_mode="default", can_use_tool=ask))

# %% Ask, as often as you like; the stop button interrupts the turn, and the session goes on
for piece in session.query("What is in this folder?").texts():
    print(piece, end="", flush=True)

# %% What it used
print(session.usage())

# %% At the end; what is left open is closed with the notebook
backend.close()
