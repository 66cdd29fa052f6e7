"""Messages, requests, prompts and settings as the protocol has them. Pure; in the words of its second version."""
