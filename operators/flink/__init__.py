"""What the operators need of Flink; beside them only this imports pyflink."""
