"""Embedded Postgres: the server of a Python wheel, run for a machine that has no database."""
