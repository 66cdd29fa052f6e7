"""The programs that are measured: each drives the app-server in its own way, in a process of its own."""
