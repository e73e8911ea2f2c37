"""Models of user clusters: what they are, how they are learned, and who belongs where."""
