"""`python -m agent_chat` is `agent-sdk`."""

from agent_chat.cli.entry import main

main()
