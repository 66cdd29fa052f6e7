"""Bytes and processes: child processes, line framing and JSON lines.

Nothing in here knows a method name or a request id; `agent_sdk_core.rpc` builds JSON-RPC on top of it.
Import from the modules themselves, so that nothing loads before it is used.
"""
