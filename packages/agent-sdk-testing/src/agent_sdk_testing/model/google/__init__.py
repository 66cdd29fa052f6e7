"""Gemini's API of the scripted model."""
