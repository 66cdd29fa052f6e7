"""Fake agents, for faults that the real ones do not show."""
