"""What is counted of each user: definitions, profiles, and their values at a moment."""
