"""What the runtime role may, and what it may not."""
