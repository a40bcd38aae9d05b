"""Supervisor, which says where people open the app."""

import pytest

from app.server.supervisor import url_to_open


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
