"""Outgoing HTTP to push services."""
