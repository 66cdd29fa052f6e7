"""Where the real agents are, and the folders and environment they run in."""
