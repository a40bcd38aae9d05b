"""Measuring what a server carries, holds and needs."""
