"""Refusals of a call to several devices: the one that says most of the whole call is told."""

from itertools import permutations

import pytest

from app.push.errors import (
    EndpointNotAllowed,
    MessageTooLarge,
    PushBusy,
    PushRefused,
    PushTimedOut,
    PushUnreachable,
    RecipientGone,
    pick_refusal,
)

# As docs/protocol.md has them, the truest first.
ORDER = [
    PushTimedOut(),
    PushBusy(retry_after=1),
    PushBusy(retry_after=30),
    PushUnreachable(),
    PushRefused(),
    MessageTooLarge(),
    EndpointNotAllowed(),
    RecipientGone(),
]


@pytest.mark.parametrize("at", range(len(ORDER) - 1))
def test_the_truest_refusal_is_told(at: int) -> None:
    """In whatever order the devices have answered."""
    some = ORDER[at : at + 3]

    assert {pick_refusal(each) for each in permutations(some)} == {ORDER[at]}
