"""What crosses from one process or operator to another: records and messages."""
