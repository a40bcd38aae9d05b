"""Circuit breaker: its opening, its pause."""

from app.limits.circuit_breaker import CircuitBreaker


def test_it_is_closed_at_first() -> None:
    """Nothing has failed yet."""
    assert CircuitBreaker(1000).remaining_ms(5) == 0


def test_a_failure_opens_it_for_its_pause() -> None:
    """To the ms."""
    breaker = CircuitBreaker(1000)
    opened = breaker.fail(5)

    assert opened
    assert [breaker.remaining_ms(now) for now in (5, 1004, 1005)] == [1000, 1, 0]


def test_only_failures_in_a_row_count() -> None:
    """A success between them begins anew."""
    breaker = CircuitBreaker(1000, threshold=2)
    breaker.fail(0)
    breaker.succeed()

    assert (breaker.fail(0), breaker.remaining_ms(0)) == (False, 0)
    assert (breaker.fail(0), breaker.remaining_ms(0)) == (True, 1000)


def test_it_opens_once_however_many_fail_meanwhile() -> None:
    """What is logged at its opening is logged once; each failure makes the pause begin again."""
    breaker = CircuitBreaker(1000)
    breaker.fail(0)

    assert (breaker.fail(500), breaker.remaining_ms(500), breaker.fail(1500)) == (False, 1000, True)


def test_after_the_pause_one_more_failure_opens_it_again() -> None:
    """Failures are forgotten only by a success."""
    breaker = CircuitBreaker(1000, threshold=3)
    for _ in range(3):
        breaker.fail(0)

    assert (breaker.remaining_ms(1000), breaker.fail(1000), breaker.remaining_ms(1000)) == (0, True, 1000)
