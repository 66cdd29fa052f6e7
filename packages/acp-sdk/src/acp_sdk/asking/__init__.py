"""How an agent asks, and how it is answered."""
