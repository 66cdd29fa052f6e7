"""The store of a fleet: sessions with their leases, and prompts on their way, in PostgreSQL or SQLite."""
