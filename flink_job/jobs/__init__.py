"""How a job is run: prepared, started or submitted, and accounted for."""
