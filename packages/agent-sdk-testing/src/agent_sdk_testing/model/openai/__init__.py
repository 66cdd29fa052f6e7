"""The Responses API of the scripted model."""
