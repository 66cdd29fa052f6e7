"""What the assistant and the user say."""
