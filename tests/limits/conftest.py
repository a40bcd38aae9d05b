"""Rule for the test with a real Redis: left out if there is none, which is an error in tests/scale in CI."""

from tests.processes import missing

collect_ignore = ["test_redis_buckets.py"] if missing("redis-server") else []
