"""Recorded wire logs, written and played again as the messages they were."""
