"""Chats over time: one ordered stream a chat, the events of all of them, and the service that every front end uses."""
