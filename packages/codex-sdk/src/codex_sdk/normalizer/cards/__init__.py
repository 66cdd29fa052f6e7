"""Tool uses that are open."""
