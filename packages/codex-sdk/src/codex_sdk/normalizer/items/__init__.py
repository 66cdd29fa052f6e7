"""Items of a thread as tool uses and their results."""
