"""The session runtime, shared by all backends: a backend writes a driver, everything else is here once."""
