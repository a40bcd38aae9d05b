"""Harness of the benchmarks: the programs that are measured, the measurement, and its report."""
