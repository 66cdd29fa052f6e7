"""The demo: the real agents at the same task, each with a scripted model of its own on this machine.

It is the only place that loads `agent_sdk_testing`, and only when it runs.
"""
