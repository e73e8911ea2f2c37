"""A version of a cluster model as one HTML page that needs nothing else."""
