"""The contract suite: the cases that every backend passes, to be run on any of them.

``pytest --pyargs agent_sdk_testing.contract --contract-agent my_package.testing:MyAgent`` runs them on the agent that
the class describes, a subclass of `agent_sdk_testing.contract.agent.Agent`. The cases themselves are in `cases`.
"""
