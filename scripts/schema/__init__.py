"""The steps behind `scripts/regenerate_schema.py`: emit the bundle, prepare it, split it, render it, describe it."""
