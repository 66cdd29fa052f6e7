"""What an agent can ask and how it is answered, as values: below the options, and known to everybody."""
