"""Hooks: functions of the application that are told what an agent is about to do, and may refuse or change it."""
