"""WebSockets to an agent that somebody else runs: over TCP, over TLS, over a unix socket."""
