"""How an agent is started and greeted, and the link to the one of today."""
