"""Data channels: sealed values, their fragments, and limits on what waits."""
