"""A conversation as blocks, cards and notices; what terminal, page and editor share."""
