"""The protocol's values as models, in the shape of version 2, and what brings version 1 into that shape and back.

Modules: `methods` (names and error codes), `content` (content blocks), `tool_calls`, `updates` (what a session tells),
`sessions` (requests about sessions), `settings` (configuration options), `asking` (permissions, forms),
`initialization` (capabilities, logins), `upgrade` and `downgrade` (version 1 on the wire).
"""
