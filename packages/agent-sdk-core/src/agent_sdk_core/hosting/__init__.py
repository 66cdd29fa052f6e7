"""Hosting: one backend and its sessions, served over plain wire forms to whoever is elsewhere."""
