"""Supervisor, which says where people open the app, and lets nobody connect at the end."""

import socket

import pytest
from uvicorn import Config

from app.server.listener import bind
from app.server.supervisor import AnnouncedServer, url_to_open
from app.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::", "localhost"])  # noqa: S104
def test_this_machine_has_one_name(host: str) -> None:
    """A browser keeps another identity at each name, so only one is ever said."""
    assert url_to_open(host, 8000) == "http://localhost:8000"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.2", "http://127.0.0.2:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("2001:db8::7", "http://[2001:db8::7]:8000"),
        ("whisper.example.org", "http://whisper.example.org:8000"),
    ],
)
def test_what_localhost_does_not_reach_is_said_as_it_is(host: str, url: str) -> None:
    """It listens there alone."""
    assert url_to_open(host, 8000) == url


@pytest.mark.anyio
@pytest.mark.parametrize(("workers", "connects"), [(1, False), (2, True)])
async def test_nobody_connects_any_more_when_a_server_stops(workers: int, *, connects: bool) -> None:
    """The kernel would reset them when it stops to listen; another worker may listen on."""
    server = AnnouncedServer(Config("a:b"), Settings(workers=workers))
    server.servers, server.force_exit = [], True
    (bound,) = bind("127.0.0.1", 0)
    bound.listen()
    with bound.dup() as listening, socket.socket() as client:
        await server.shutdown([bound])
        client.settimeout(0.1)
        assert (client.connect_ex(listening.getsockname()) == 0) is connects
