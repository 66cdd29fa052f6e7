"""Revisions of the fleet's tables."""
