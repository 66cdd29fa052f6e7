"""Turns of a session: what is decided of them, the loop that does it, and the handle, queue and records of prompts."""
