"""The Messages API of the scripted model."""
