"""Driving of a session that is on a host: what goes to it, what comes back, and what becomes of both in between."""
