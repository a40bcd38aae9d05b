"""Replay protection: what was relayed is not relayed again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.protocol.errors import Replayed
from app.protocol.replay import ReplayMemory

NOW = 1_760_000_000_000
STALE_AT = NOW + 5_000


@pytest.fixture
def memory() -> ReplayMemory[str]:
    """Return a memory in which one offer is noted."""
    memory: ReplayMemory[str] = ReplayMemory(size=3)
    memory.add(b"said", "offer", "noted", stale_at=STALE_AT, now=NOW)
    return memory


def test_a_new_text_is_unknown(memory: ReplayMemory[str]) -> None:
    """Only what was added is found."""
    assert memory.find(b"never said", "offer", NOW) is None


def test_an_honest_retry_finds_its_note(memory: ReplayMemory[str]) -> None:
    """The same text as the same method is the same call."""
    assert memory.find(b"said", "offer", NOW) == "noted"


@pytest.mark.parametrize("method", ["answer", "ice", "dial", "close", "OFFER", ""])
def test_a_text_may_not_become_another_method(memory: ReplayMemory[str], method: str) -> None:
    """The method is not signed, so a recorded offer could be sent as an answer."""
    with pytest.raises(Replayed):
        memory.find(b"said", method, NOW)


def test_a_text_is_remembered_through_its_last_valid_millisecond(memory: ReplayMemory[str]) -> None:
    """As long as its timestamp would pass, it is known."""
    assert memory.find(b"said", "offer", STALE_AT) == "noted"


def test_another_method_is_refused_through_the_last_valid_millisecond(memory: ReplayMemory[str]) -> None:
    """There is no gap between the memory and the clock window."""
    with pytest.raises(Replayed):
        memory.find(b"said", "answer", STALE_AT)


@pytest.mark.parametrize("method", ["offer", "answer"])
def test_a_stale_text_is_forgotten(memory: ReplayMemory[str], method: str) -> None:
    """One millisecond later its timestamp refuses it anyway."""
    assert memory.find(b"said", method, STALE_AT + 1) is None


def test_a_text_that_was_not_relayed_after_all_is_new_again(memory: ReplayMemory[str]) -> None:
    """Who could not reach the recipient may try again."""
    memory.remove(b"said")

    assert memory.find(b"said", "offer", NOW) is None


def test_removing_what_is_not_there_changes_nothing(memory: ReplayMemory[str]) -> None:
    """It may have been pushed out in the meantime."""
    memory.remove(b"never said")

    assert (len(memory), memory.find(b"said", "offer", NOW)) == (1, "noted")


def test_a_full_memory_forgets_its_oldest_text(memory: ReplayMemory[str]) -> None:
    """Memory is bounded, and the newest calls matter most."""
    for text in ("second", "third", "fourth"):
        memory.add(text.encode(), "dial", text, stale_at=STALE_AT, now=NOW)

    found = [memory.find(text, "dial", NOW) for text in (b"said", b"second", b"third", b"fourth")]

    assert (found, len(memory)) == ([None, "second", "third", "fourth"], 3)


def test_stale_texts_make_room(memory: ReplayMemory[str]) -> None:
    """A quiet server does not keep what it no longer needs."""
    memory.add(b"second", "dial", "later", stale_at=STALE_AT + 1, now=NOW)

    memory.add(b"third", "dial", "latest", stale_at=STALE_AT + 9_000, now=STALE_AT + 2)

    assert len(memory) == 1


def test_a_text_in_its_last_valid_millisecond_does_not_make_room(memory: ReplayMemory[str]) -> None:
    """It could still be replayed."""
    memory.add(b"second", "dial", "later", stale_at=STALE_AT + 5_000, now=STALE_AT)

    assert memory.find(b"said", "offer", STALE_AT) == "noted"


def test_a_text_that_was_stale_can_be_noted_anew(memory: ReplayMemory[str]) -> None:
    """The newest note counts, with its method."""
    memory.add(b"said", "answer", "new", stale_at=STALE_AT + 9_000, now=STALE_AT + 1)

    assert memory.find(b"said", "answer", STALE_AT + 1) == "new"


@settings(deadline=None, max_examples=100)
@given(
    size=st.integers(1, 8),
    steps=st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 9), st.integers(0, 9))),
)
def test_a_memory_never_outgrows_its_size(size: int, steps: list[tuple[str, int, int]]) -> None:
    """Whatever is said, and whenever, and it always knows the last."""
    memory: ReplayMemory[int] = ReplayMemory(size)

    for number, (text, now, life) in enumerate(steps):
        memory.add(text.encode(), "dial", number, stale_at=now + life, now=now)

        assert len(memory) <= size
        assert memory.find(text.encode(), "dial", now) == number
