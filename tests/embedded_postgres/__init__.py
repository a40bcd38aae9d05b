"""Tests of the embedded Postgres."""
