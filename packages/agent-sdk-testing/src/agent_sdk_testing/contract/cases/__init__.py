"""The cases of the contract suite, written against `AgentBackend`, `AgentSession` and `contract.agent.Agent` alone."""
