"""The flockwise application: command line, configuration and the two Flink jobs."""
