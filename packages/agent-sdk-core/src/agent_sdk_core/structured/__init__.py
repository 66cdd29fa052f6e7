"""Structured answers: the schema that a session asks them to fit, and the check of what came."""
