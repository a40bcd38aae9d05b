"""Tests of the Python peer."""
