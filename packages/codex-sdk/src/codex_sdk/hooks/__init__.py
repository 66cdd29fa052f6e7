"""The way of Codex's hooks to us: announced with the thread, run by Codex as a small program that asks this process."""
