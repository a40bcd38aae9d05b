"""Limits on open connections: per client, and in total by the file descriptors of the process."""

from collections import OrderedDict
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Protocol

from app.limits.rate_limits import client_key

# File descriptors beside those of clients and push services: the database's, files, a margin.
RESERVED_FILES = 128


class Connection(Protocol):
    """Connection that can be closed early."""

    def evict(self, *, receiving: bool) -> bool:
        """Close it if nothing of a request is here, or if it is only *receiving* one; tell whether it was."""


class ConnectionLimits:
    """Open connections of a process, all and each client's, least recently used first.

    For a new connection over the limit of its client, or of all, the longest unused one of these is closed.
    One that is being served is never closed. Proxies are no clients: only the limit of all is theirs.
    """

    def __init__(self, per_client: int, total: int, proxies: Iterable[str]) -> None:
        self._per_client = per_client
        self._total = total
        self._proxies = [ip_network(proxy) for proxy in proxies]
        self._all: OrderedDict[Connection, bytes] = OrderedDict()
        self._by_client: dict[bytes, OrderedDict[Connection, None]] = {}

    def admit(self, connection: Connection, address: str) -> bool:
        """Count *connection*, and tell whether there is room for it."""
        client = client_key(address)
        own = self._by_client.setdefault(client, OrderedDict())
        has_room = len(own) < self._per_client or self._is_proxy(address) or self._close_one(own)
        has_room = has_room and (len(self._all) < self._total or self._close_one(self._all))
        self._all[connection] = client
        self._by_client.setdefault(client, own)[connection] = None
        return has_room

    def touch(self, connection: Connection) -> None:
        """Note that *connection* was used just now."""
        client = self._all.get(connection)
        if client is not None:
            self._all.move_to_end(connection)
            self._by_client[client].move_to_end(connection)

    def release(self, connection: Connection) -> None:
        """Forget *connection*, which has ended."""
        client = self._all.pop(connection, None)
        if client is not None:
            own = self._by_client[client]
            del own[connection]
            if not own:
                del self._by_client[client]

    def _close_one(self, connections: Iterable[Connection]) -> bool:
        """Close the longest unused of *connections*: one that is idle, or else one that sends its request."""
        for receiving in (False, True):
            for connection in connections:
                if connection.evict(receiving=receiving):
                    self.release(connection)
                    return True
        return False

    def _is_proxy(self, address: str) -> bool:
        if not self._proxies or not address:  # a Unix socket's clients have none
            return False
        client = ip_address(address)
        return any(client in network for network in self._proxies)


def connection_budget(files: int, max_in_flight: int) -> int:
    """Return how many connections from clients a process may have that may have so many *files* open.

    Each call in flight may need a connection to a push service.
    """
    return max(files - RESERVED_FILES - max_in_flight, files // 2)
