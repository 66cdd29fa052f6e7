"""The chats in a browser: a server on this machine, its API, and the page that it serves."""
