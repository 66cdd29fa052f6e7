"""A session as one client has it open."""
