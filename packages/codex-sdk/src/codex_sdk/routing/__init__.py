"""Who owns what the app-server sends: the router, and the live side that feeds it."""
