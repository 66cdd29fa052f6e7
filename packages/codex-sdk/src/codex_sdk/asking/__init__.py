"""How Codex asks and is answered: its requests read, and answers put in its shapes. No session, no peer."""
