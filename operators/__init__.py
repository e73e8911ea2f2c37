"""The stream operators and the pure logic beside them; knows nothing of `flink_job`."""
