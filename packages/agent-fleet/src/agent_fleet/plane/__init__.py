"""Ray as the engine of a fleet: its nodes are the hosts, an actor on each serves their sessions."""
