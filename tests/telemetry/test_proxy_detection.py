"""Detection of requests through a proxy that is not trusted."""

import logging

import pytest

from app.telemetry.proxy_detection import REQUESTS, UntrustedProxyDetector

PROXY = "172.29.0.1"
CLIENT = b"203.0.113.7"


def observe(*requests: tuple[str, bytes | None]) -> int:
    """Return how often a proxy was detected after *requests*: addresses, and values of the header."""
    detected: list[bool] = []
    detector = UntrustedProxyDetector(lambda: detected.append(True))
    for host, forwarded in requests:
        headers = {b"x-forwarded-for": forwarded} if forwarded else {}
        detector.observe((host, 50000), {b"host": b"x", **headers})
    return len(detected)


def test_a_proxy_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """With its address and the setting; probes of the same network change nothing."""
    with caplog.at_level(logging.WARNING):
        assert observe(*[(PROXY, CLIENT), ("127.0.0.1", None)] * (REQUESTS + 5)) == 1

    (line,) = caplog.messages
    assert PROXY in line
    assert "WHISPER_TRUSTED_PROXIES" in line


@pytest.mark.parametrize(
    "requests",
    [
        [(PROXY, CLIENT)] * (REQUESTS - 1),
        [("10.0.0.7", None)] * 100,
        [("203.0.113.7", CLIENT)] * 100,
        [("10.0.0.7", b"10.0.0.7")] * 100,
        [("8.8.8.8", None), *[(PROXY, CLIENT)] * 100],
        [("8.8.8.8", CLIENT), *[(PROXY, CLIENT)] * 100],
        [("", CLIENT)] * (REQUESTS - 1),
    ],
    ids=[
        "too few",
        "no header",
        "trusted",
        "trusted, in one network",
        "direct",
        "a forged header",
        "a socket",
    ],
)
def test_other_requests_are_no_proxy(requests: list[tuple[str, bytes | None]]) -> None:
    """A trusted proxy has replaced the address; whoever comes from a public one has no proxy in front."""
    assert observe(*requests) == 0
