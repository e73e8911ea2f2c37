"""What segments are worth: what is published of outcomes, tested, and told with how surely."""
