"""Files as people have them, read before Flink starts: in order, whole, as JSON records."""
