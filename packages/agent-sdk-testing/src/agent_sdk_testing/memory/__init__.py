"""An agent in memory, for the unit tests of applications: no process, no socket, its turns as scripted."""
