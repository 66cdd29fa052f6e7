"""How the app-server is started, and the link to it."""
