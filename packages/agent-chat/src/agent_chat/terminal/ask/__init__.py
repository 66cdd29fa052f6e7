"""Questions to whoever sits at the terminal."""
