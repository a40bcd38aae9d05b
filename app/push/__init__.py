"""Speaking to push services."""
