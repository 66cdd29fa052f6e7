"""Agent mode: the chats for any client of the Agent Client Protocol, over standard input and output or a WebSocket."""
