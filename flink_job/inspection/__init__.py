"""Is the input what the configuration says? Looked at before a run, and told."""
