"""What is measured with: features, segments and events."""
