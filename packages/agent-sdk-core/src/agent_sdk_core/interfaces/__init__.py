"""Interfaces: what an application sees of backends, sessions and turns."""
