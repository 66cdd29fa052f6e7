"""Rows of a store: what each call reads and writes, as functions of a connection."""
