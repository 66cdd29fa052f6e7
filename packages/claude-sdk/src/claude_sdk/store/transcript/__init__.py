"""One stored transcript as claude writes it."""
