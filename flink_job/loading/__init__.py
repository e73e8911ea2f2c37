"""Files of events into a Kafka topic: keyed, in order, at a chosen pace."""
