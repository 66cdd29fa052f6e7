"""Each update and request of an agent to the session that it concerns."""
