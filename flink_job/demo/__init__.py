"""Shoppers with known personas, simulated: data for the demo, the tests and the benchmarks."""
