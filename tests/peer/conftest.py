"""People with the peer's types, and the network where they live."""

from collections.abc import AsyncIterator

import pytest

from tests.peer.network import Network
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


@pytest.fixture
def network() -> Network:
    """Return a network where nobody lives."""
    return Network()


@pytest.fixture
async def pair(network: Network, alice: Person, bob: Person) -> AsyncIterator[Network]:
    """Return the network where Alice and Bob live."""
    async with network.home(alice.address), network.home(bob.address):
        yield network
