"""Draining of the accept queue: a server that stops loses nobody who has connected."""

import asyncio
import socket
import time

import pytest

from app.server.draining_loop import DrainingLoop
from app.server.listener import bind


class Protocol(asyncio.Protocol):
    """Protocol that keeps its events."""

    def __init__(self) -> None:
        self.received = b""
        self.is_ending = False

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.received += data

    def shutdown(self) -> None:
        """Know that it is to end."""
        self.is_ending = True


def test_who_connected_before_the_end_is_served() -> None:
    """Although nobody had accepted them; whoever comes after it is refused."""
    made: list[Protocol] = []

    def protocol() -> Protocol:
        made.append(Protocol())
        return made[-1]

    async def stop_with_a_client_at_the_door() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, DrainingLoop)
        (listening,) = bind("127.0.0.1", 0)
        server = await loop.create_server(protocol, sock=listening)
        address = listening.getsockname()
        listening.close()
        with socket.create_connection(address) as client:  # by the kernel alone: the loop is held up here
            client.sendall(b"hello")
            server.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            async with asyncio.timeout(5):
                while not (made and made[0].received):
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await server.wait_closed()

    began = time.monotonic()
    with asyncio.Runner(loop_factory=DrainingLoop) as runner:
        runner.run(stop_with_a_client_at_the_door())

    (client,) = made
    assert (client.received, client.is_ending) == (b"hello", True)
    assert time.monotonic() - began < 5
