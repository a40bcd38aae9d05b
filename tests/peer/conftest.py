"""People as the peer knows them."""

import pytest

from tests.peer.people import Person


@pytest.fixture
def alice() -> Person:
    """Return somebody who calls."""
    return Person()


@pytest.fixture
def bob() -> Person:
    """Return somebody who is called."""
    return Person()


@pytest.fixture
def mallory() -> Person:
    """Return somebody who means no good."""
    return Person()
