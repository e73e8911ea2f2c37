"""Who a job's name, topics and store belong to: one start at a time, wherever it was made."""
