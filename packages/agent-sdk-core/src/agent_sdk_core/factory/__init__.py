"""Making of backends and of one-shot turns, by name and configuration; stands on top of core."""
