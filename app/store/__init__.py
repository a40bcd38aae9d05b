"""Keeping push subscriptions in Postgres."""
