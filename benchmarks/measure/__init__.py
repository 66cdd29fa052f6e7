"""What is measured, one module a section, and the report of it."""
