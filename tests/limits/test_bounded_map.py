"""Bounded map: its size, its order of eviction."""

from app.limits.bounded_map import BoundedMap


def filled(size: int, *keys: str) -> BoundedMap[str, int]:
    """Return a map into which *keys* were written, in this order."""
    entries: BoundedMap[str, int] = BoundedMap(size)
    for number, key in enumerate(keys):
        entries.put(key, number)
    return entries


def test_the_entry_written_longest_ago_is_evicted() -> None:
    """Size is kept at every write."""
    entries = filled(2, "a", "b", "c")

    assert (entries.get("a"), entries.get("b"), entries.get("c"), len(entries)) == (None, 1, 2, 2)


def test_writing_again_makes_an_entry_the_newest() -> None:
    """So the other one goes."""
    entries = filled(2, "a", "b", "a", "c")

    assert (entries.get("a"), entries.get("b")) == (2, None)


def test_reading_does_not_make_an_entry_newer() -> None:
    """Only what is written counts."""
    entries = filled(2, "a", "b")
    entries.get("a")
    entries.put("c", 2)

    assert entries.get("a") is None


def test_only_the_oldest_that_have_expired_are_evicted() -> None:
    """Eviction ends at the first that has not."""
    entries = filled(9, "a", "b", "c", "d")
    entries.evict_while(lambda value: value in (0, 1, 3))

    assert (len(entries), entries.get("c"), entries.get("d")) == (2, 2, 3)
