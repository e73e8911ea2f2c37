"""From the raw bytes of an event to columns, or to a dead letter."""
