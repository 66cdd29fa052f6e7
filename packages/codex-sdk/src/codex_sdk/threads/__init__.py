"""Requests about threads."""
