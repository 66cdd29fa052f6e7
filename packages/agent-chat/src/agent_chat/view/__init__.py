"""What a person or a program sees of a conversation: messages become blocks, blocks become text on a stream."""
