"""Recorded wire logs, played again as the messages they were."""
