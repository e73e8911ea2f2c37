"""Where records come from and go to: Kafka topics, files and folders."""
