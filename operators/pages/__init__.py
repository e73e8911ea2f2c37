"""Users' state as arrays: layout, memory, and what of it goes to Flink."""
