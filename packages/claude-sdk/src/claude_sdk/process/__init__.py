"""How a claude process is started, and the link to it."""
