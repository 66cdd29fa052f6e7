"""Settings that are looked at and changed while the application runs, above the configuration of `agent_sdk_core`."""
