"""The message contract: one stream of Claude-shaped messages for every agent."""
