"""Recorded flows of the real codex binary: how they are recorded, made repeatable, and shown."""
