"""Kafka beside Flink, by kafka-python."""
