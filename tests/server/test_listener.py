"""Listening sockets at every address of a host, or a message that names the wrong variable."""

import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.server.listener import bind, bind_metrics
from app.settings import InvalidSettings


def reachable(host: str, *clients: str) -> list[bool]:
    """Bind to *host*, and tell which of *clients* can connect."""
    with ExitStack() as open_:
        bound = [open_.enter_context(each) for each in bind(host, 0)]
        for each in bound:
            each.listen()
        port = bound[0].getsockname()[1]
        return [_connects(client, port) for client in clients]


def _connects(client: str, port: int) -> bool:
    try:
        socket.create_connection((client, port), timeout=1).close()
    except OSError:
        return False
    return True


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="there is no IPv6 here")


@needs_ipv6
def test_both_families_are_behind_the_unspecified_address() -> None:
    """`::` is IPv4 too."""
    assert reachable("::", "127.0.0.1", "::1") == [True, True]


@needs_ipv6
def test_a_client_of_ipv4_has_an_address_of_ipv4() -> None:
    """Or it would be in none of the networks that an operator trusts."""
    with ExitStack() as open_:
        for each in bind("::", 0):
            open_.enter_context(each).listen()
            if each.family == socket.AF_INET:
                port = each.getsockname()[1]
                client = open_.enter_context(socket.create_connection(("127.0.0.1", port), 1))
                accepted, address = each.accept()
                accepted.close()
                assert client

    assert address[0] == "127.0.0.1"


@needs_ipv6
def test_a_family_that_was_not_asked_for_stays_closed() -> None:
    """`::1` and 0.0.0.0 are one family each."""
    assert (reachable("::1", "127.0.0.1", "::1"), reachable("0.0.0.0", "127.0.0.1", "::1")) == (  # noqa: S104
        [False, True],
        [True, False],
    )


def test_a_name_is_all_its_addresses() -> None:
    """Those that this machine has, at one port."""
    assert reachable("localhost", "localhost", "127.0.0.1") == [True, True]


@pytest.mark.parametrize(
    "host", ["nowhere.invalid", "256.0.0.1", "192.0.2.1", "a b", "é" * 70, "2001:db8::1"]
)
def test_a_host_that_is_not_here_is_named(host: str) -> None:
    """One line says which variable."""
    with pytest.raises(InvalidSettings, match=r"^WHISPER_HOST: .*\.$"):
        bind(host, 0)


def test_a_port_that_is_taken_is_named() -> None:
    """With its number, and whichever family has it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):  # noqa: S104 - it is never bound
            with pytest.raises(InvalidSettings, match=f"^WHISPER_PORT: .*{port}"):
                bind(host, port)


def test_metrics_listen_at_an_address_or_a_path(tmp_path: Path) -> None:
    """Or nowhere. A socket's file that a killed server has left is no hindrance."""
    for _ in range(2):
        (opened,) = bind_metrics(tmp_path / "m.sock")
        opened.listen()
        opened.close()
    (at_address,) = bind_metrics(("127.0.0.1", 0))
    at_address.close()

    assert bind_metrics(None) == []


def test_a_place_for_metrics_that_is_taken_is_said() -> None:
    """With its variable."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "m.sock"
        (opened,) = bind_metrics(path)
        with opened:
            opened.listen()
            for address in (path, Path(directory) / "nowhere" / "m.sock", ("192.0.2.1", 9464)):
                with pytest.raises(InvalidSettings, match=r"^WHISPER_METRICS_LISTEN: can't listen there: "):
                    bind_metrics(address)
