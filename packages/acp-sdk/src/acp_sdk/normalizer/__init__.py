"""How an agent is read: updates in, messages out, without I/O."""
