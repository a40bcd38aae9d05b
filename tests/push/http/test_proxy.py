"""URL of an egress proxy, which shows no password."""

from base64 import b64decode

import pytest

from app.push.http.proxy import EgressProxy


@pytest.mark.parametrize(
    ("url", "host", "port", "credentials"),
    [
        ("http://proxy:3128", "proxy", 3128, None),
        ("http://proxy.example.org:80/", "proxy.example.org", 80, None),
        ("http://10.0.0.1:3128", "10.0.0.1", 3128, None),
        ("http://[fd00::1]:3128", "fd00::1", 3128, None),
        ("http://me:secret@proxy:3128", "proxy", 3128, "me:secret"),
        ("http://me:p%40ss%3Aw%2Frd@proxy:3128", "proxy", 3128, "me:p@ss:w/rd"),
    ],
)
def test_a_proxy_is_read(url: str, host: str, port: int, credentials: str | None) -> None:
    """User and password as a URL has them, percent-encoded."""
    proxy = EgressProxy.parse(url)
    basic = b64decode(proxy.authorization.removeprefix("Basic ")).decode() if proxy.authorization else None

    assert (proxy.host, proxy.port, basic) == (host, port, credentials)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy:3128",
        "http://proxy",
        "http://proxy:0",
        "http://proxy:65536",
        "http://me@proxy:3128",
        "http://me:p@ss@proxy:3128",
        "http://proxy:3128/path",
        "http://proxy:3128?x",
        "https://proxy:3128",
        "socks5://proxy:1080",
        "http://proxy:3128\nX: y",
    ],
)
def test_what_is_no_proxy_is_a_mistake_of_the_operator(url: str) -> None:
    """It is told at the start."""
    with pytest.raises(ValueError, match="must be the URL of a proxy like"):
        EgressProxy.parse(url)


def test_a_proxy_does_not_show_its_password() -> None:
    """A log that prints it tells nothing."""
    proxy = EgressProxy.parse("http://me:secret@proxy:3128")

    assert (repr(proxy), str(proxy)) == ("proxy:3128", "proxy:3128")
