"""Limits on connections: so many for a client, so many in all, and the longest unused ones go first."""

from dataclasses import dataclass

from app.server.connection_limits import RESERVED_FILES, ConnectionLimits, connection_budget


@dataclass(eq=False)
class Connection:
    """Connection in a state that a test gives it."""

    does: str = "idle"

    def evict(self, *, receiving: bool) -> bool:
        """Close it if it is idle, or if it is *receiving* and so much is allowed."""
        if self.does != "idle" and not (receiving and self.does == "receiving"):
            return False
        self.does = "closed"
        return True


def admitted(limits: ConnectionLimits, *addresses: str, does: str = "idle") -> list[Connection]:
    """Return a connection from each of *addresses*, for all of which there is room."""
    connections = [Connection(does) for _ in addresses]
    for connection, address in zip(connections, addresses, strict=True):
        assert limits.admit(connection, address)
    return connections


def closed(connections: list[Connection]) -> list[bool]:
    """Tell which were closed."""
    return [each.does == "closed" for each in connections]


def test_the_longest_unused_connection_of_a_client_makes_room() -> None:
    """For another of the same client; others' stay."""
    limits = ConnectionLimits(2, 100, ())
    others = admitted(limits, "192.0.2.2")
    own = admitted(limits, "192.0.2.1", "192.0.2.1")
    limits.touch(own[0])

    own += admitted(limits, "192.0.2.1")

    assert (closed(own), closed(others)) == ([False, True, False], [False])


def test_an_idle_connection_goes_before_one_that_sends() -> None:
    """And one that is being served does not go at all."""
    limits = ConnectionLimits(3, 100, ())
    serving = admitted(limits, "192.0.2.1", does="serving")
    receiving = admitted(limits, "192.0.2.1", does="receiving")
    idle = admitted(limits, "192.0.2.1")

    more = admitted(limits, "192.0.2.1", "192.0.2.1", does="serving")

    assert closed(idle + receiving + serving) == [True, True, False]
    assert not limits.admit(Connection(), "192.0.2.1")
    assert closed(more) == [False, False]


def test_the_longest_unused_of_all_makes_room_when_descriptors_are_scarce() -> None:
    """Whoever's it is."""
    limits = ConnectionLimits(100, 3, ())
    held = admitted(limits, *(f"192.0.2.{n}" for n in range(3)))

    held += admitted(limits, "198.51.100.1")

    assert closed(held) == [True, False, False, False]


def test_one_network_of_ipv6_is_one_client() -> None:
    """A /64, in which anybody has as many addresses as they like."""
    limits = ConnectionLimits(1, 100, ())

    first = admitted(limits, "2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1")

    assert closed(first) == [True, False, False]


def test_a_trusted_proxy_is_no_client() -> None:
    """Its connections are everybody's."""
    limits = ConnectionLimits(1, 100, ("10.0.0.0/8", "::1"))

    proxies = admitted(limits, "10.0.0.1", "10.0.0.1", "::1", "::1")

    assert closed(proxies) == [False] * 4


def test_what_has_ended_takes_no_place() -> None:
    """However it ended, and however often that is said."""
    limits = ConnectionLimits(1, 1, ())
    for _ in range(3):
        (one,) = admitted(limits, "192.0.2.1", does="serving")
        limits.release(one)
        limits.release(one)
        limits.touch(one)

    assert closed(admitted(limits, "192.0.2.2")) == [False]


def test_descriptors_are_left_for_everything_else() -> None:
    """With few of them, half."""
    assert [connection_budget(files, 512) for files in (256, 1024, 20_000)] == [
        128,
        512,
        19_488 - RESERVED_FILES,
    ]
