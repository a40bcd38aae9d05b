"""Request parser: the protocol of a request's line, and the size of its head, wherever what came is cut."""

from typing import Any

import pytest
from starlette.types import Scope

from app.protocol.errors import Refused
from app.server.request_parser import MAX_HEAD_BYTES, SLICE_BYTES, RequestParser

HTTP = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
RTSP = HTTP.replace(b"HTTP/1.1", b"RTSP/1.1")


class Receiver:
    """Receiver that keeps what it is told."""

    server: tuple[str, int | None] = ("127.0.0.1", 80)
    client: tuple[str, int] | None = None
    accepts_more = True

    def __init__(self) -> None:
        self.app_state: dict[str, Any] = {}
        self.told: list[str] = []

    def begin_request(self, scope: Scope, *, keep_alive: bool, awaits_continue: bool) -> None:
        """Keep its method."""
        del keep_alive, awaits_continue
        self.told.append(scope["method"])

    def take_body(self, body: bytes) -> None:
        """Have no use for it."""

    def end_request(self) -> None:
        """Have no use for it."""

    def refuse(self, refusal: Refused) -> None:
        """Keep its code, and take no more."""
        self.told.append(refusal.code)
        self.accepts_more = False


def parse(*pieces: bytes) -> list[str]:
    """Return what a receiver is told of these *pieces*, each received for itself."""
    receiver = Receiver()
    parser = RequestParser(receiver)
    for piece in pieces:
        parser.feed(piece)
        parser.parse_on()
    return receiver.told


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([RTSP], ["not_http"]),
        ([b"\r\n" + RTSP], ["not_http"]),
        ([RTSP[:9], RTSP[9:]], ["not_http"]),
        ([RTSP[:-2] + b"A: ", HTTP], ["not_http"]),
        ([HTTP + RTSP], ["GET", "not_http"]),
        ([HTTP + RTSP[:9], RTSP[9:]], ["GET", "not_http"]),
        ([HTTP, RTSP], ["GET", "not_http"]),
    ],
    ids=["whole", "after a line", "in two", "before another line", "second", "second in two", "later"],
)
def test_a_line_of_another_protocol_is_refused(pieces: list[bytes], told: list[str]) -> None:
    """Though the parser takes it for HTTP's, and whatever line of HTTP comes before it or behind it."""
    assert parse(*pieces) == told


@pytest.mark.parametrize(
    "pieces",
    [[HTTP], [HTTP[:9], HTTP[9:]], [b"\r\n" + HTTP], [HTTP[:-2] + b"A: b RTSP/1.0\r\n\r\n"]],
    ids=["whole", "in two", "after a line", "with the name elsewhere"],
)
def test_a_line_of_http_is_served(pieces: list[bytes]) -> None:
    """Wherever it is cut."""
    assert parse(*pieces) == ["GET"]


@pytest.mark.parametrize(("size", "told"), [(MAX_HEAD_BYTES, "POST"), (MAX_HEAD_BYTES + 1, "head_too_large")])
@pytest.mark.parametrize("cut", [0, 100, SLICE_BYTES])
def test_a_head_is_as_long_as_it_is(size: int, told: str, cut: int) -> None:
    """However it is cut, and however much of its body comes with it."""
    begin = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\nX: "
    head = begin + b"a" * (size - len(begin) - len(b"\r\n\r\n")) + b"\r\n\r\n"

    assert parse(head[:cut], head[cut:] + bytes(8000)) == [told]
