"""Policy: rules and limits that decide about tool calls before anyone is asked."""
