"""Push subscriptions in Postgres."""
