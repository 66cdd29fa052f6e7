"""AG-UI: runs of the AG-UI protocol over chats, so that front ends that speak it use every agent."""
