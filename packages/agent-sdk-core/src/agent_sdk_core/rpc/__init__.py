"""JSON-RPC as `codex app-server` speaks it: correlation both ways, and its connection to a channel.

Import from the modules themselves, so that nothing loads before it is used.
"""
