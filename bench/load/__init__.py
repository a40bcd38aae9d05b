"""Load of the benchmarks: clients, honest and hostile, with their requests."""
