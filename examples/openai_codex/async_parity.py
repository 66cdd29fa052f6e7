"""The same without async."""

from agent_sdk_core import sync

with sync.create_backend() as backend, backend.create_session() as session:
    result = session.run("Say hello in one sentence.")
    print("Agent:", backend.type, session.info.model)
    print("Session:", session.resolved_session_id)
    print("Text:", result.error or result.result)
