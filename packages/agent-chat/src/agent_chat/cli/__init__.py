"""The commands of `agent-sdk`."""
