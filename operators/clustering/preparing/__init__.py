"""How a raw profile becomes a point that distances can be taken of."""
