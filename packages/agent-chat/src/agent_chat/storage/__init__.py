"""Where chats are kept: what is known of each, its append-only log, and who may write it.

`interface` declares the store, `records` and `errors` what goes in and comes out; `memory_store` keeps it in this
process.
"""
