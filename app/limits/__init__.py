"""Rate limits, concurrency limit, circuit breaker and bounded memory."""
