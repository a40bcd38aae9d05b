"""The Python peer as its own push service: an untrusted endpoint, which it proves to be its own."""

import asyncio

import pytest
from aiohttp import ClientSession
from sqlalchemy.engine import URL

from tests.hostile.fake_internet import Internet, Request, settings_for, whisper
from tests.scale.programs import free_port
from whisper_peer import OwnEndpoint, Peer

pytestmark = pytest.mark.anyio

NAME = "bots.example.org"


class Proxy:
    """Reverse proxy that takes TLS away."""

    def __init__(self, origin: str, session: ClientSession) -> None:
        self._origin = origin
        self._session = session
        self.statuses: list[int] = []

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Pass a request on, and the status back."""
        async with self._session.post(self._origin + request.target, data=request.body) as answer:
            self.statuses.append(answer.status)
        writer.write(f"HTTP/1.1 {answer.status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())


async def test_a_program_is_its_own_push_service(migrated: URL) -> None:
    """It is verified once, and called; a path that was guessed is none."""
    async with (
        Internet.running({NAME: ["198.105.1.1"]}) as internet,
        whisper(settings_for(migrated, "public"), internet.network) as server,
        ClientSession() as session,
    ):
        ports = free_port(), free_port()
        own = [OwnEndpoint(f"https://{NAME}/{port}", port=port) for port in ports]
        proxies = {str(port): Proxy(f"http://127.0.0.1:{port}", session) for port in ports}

        async def route(request: Request, writer: asyncio.StreamWriter) -> None:
            await proxies[request.target.split("/")[1]](request, writer)

        internet.answers[NAME] = route
        url = str(server.base_url)
        async with Peer(url, push_service=own[0]) as alice, Peer(url, push_service=own[1]) as bob:
            channel, accepted = await asyncio.gather(alice.dial(bob.address), bob.accept())
            await channel.send("hello")
            heard = await accepted.receive()
            async with session.post(f"http://127.0.0.1:{ports[0]}/guess", data=b"x") as guess:
                pass
            updates = [peer.calls_sent.count("update") for peer in (alice, bob)]

    statuses = [proxy.statuses for proxy in proxies.values()]
    assert (heard, updates, guess.status) == ("hello", [1, 1], 410)
    assert [set(each) for each in statuses] == [{201}, {201}]
    assert sum(map(len, statuses)) >= 2 + 3  # two codes, and dial, offer and answer
