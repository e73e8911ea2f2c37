"""The kinds of features: each with what it takes, checks, keeps, costs and computes."""
