"""JSON as it comes from an agent: how it is read, whatever it holds."""
