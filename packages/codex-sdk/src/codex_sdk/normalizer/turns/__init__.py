"""Turns of a thread, from their start to their result."""
