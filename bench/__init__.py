"""Benchmarks: throughput, latency, CPU, memory and storage of a server."""
