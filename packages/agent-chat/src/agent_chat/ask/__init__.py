"""How the agent's requests are put to a person, to nobody, or to a script."""
