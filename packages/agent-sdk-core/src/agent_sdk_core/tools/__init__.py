"""The application's own tools, which run in its process."""
