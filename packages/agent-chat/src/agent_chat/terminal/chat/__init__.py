"""The chat in the terminal: its commands, its line of input, and the talk that goes on between them and a chat."""
