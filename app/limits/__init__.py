"""Rates, buckets, breakers and how much is in flight."""
