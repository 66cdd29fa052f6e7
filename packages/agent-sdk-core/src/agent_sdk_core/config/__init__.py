"""Configuration from defaults < user file < workspace file < environment < arguments, each value with its source."""
