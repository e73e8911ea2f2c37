"""What a running job is told on its control topic, and what it says of itself."""
