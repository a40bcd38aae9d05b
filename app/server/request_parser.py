"""Request parser: httptools' for HTTP/1.1, with size limits and strict heads."""

import re
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote

import httptools
from starlette.types import Scope

from app.api.errors import HeadTooLarge, MethodNotAllowed, NotHttp
from app.api.responses import Headers
from app.protocol.errors import BodyTooLarge, Refused
from app.server.request_head_checks import find_fault, names_other_protocol

MAX_HEAD_BYTES = 16_384  # browsers send about 1 KiB
SLICE_BYTES = 4096  # so much at a time is parsed before it is counted; a call is one or two slices
MAX_REQUEST_BYTES = 131_072  # all of a request: 8 KiB of body in chunks of one byte, and its head
TARGETS_KEPT = 64  # as they are parsed: most requests are for a few paths

_CALL = b"POST /"
_REQUEST = re.compile(rb"[A-Z]{3,20} /")
_ASGI = {"version": "3.0", "spec_version": "2.3"}


class RequestReceiver(Protocol):
    """Receiver of what is parsed, in order."""

    server: tuple[str, int | None]  # the addresses of both ends, as ASGI names them
    client: tuple[str, int] | None
    app_state: dict[str, Any]  # the lifespan's, of which each request has a copy

    @property
    def accepts_more(self) -> bool:
        """Tell whether more is parsed now: not while requests wait, after a refusal, or when it closes."""

    def begin_request(self, scope: Scope, *, keep_alive: bool, awaits_continue: bool) -> None:
        """Take a head, as ASGI names its parts; the client may wait for "100 Continue"."""

    def take_body(self, body: bytes) -> None:
        """Take a part of the body."""

    def end_request(self) -> None:
        """Take note that the request is here as a whole."""

    def refuse(self, refusal: Refused) -> None:
        """Answer what came, which is no request that is served."""


class RequestParser:
    """Parser of the requests of one connection, which calls *receiver*."""

    def __init__(self, receiver: RequestReceiver) -> None:
        self._receiver = receiver
        self.on_body = receiver.take_body  # called by httptools, as the methods of this name are
        self._parser = httptools.HttpRequestParser(self)
        # What comes behind a request with "Connection: close" must not hinder the answer to it.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._url = b""
        self._headers: Headers = []
        self._latest = b""  # the slice, unless a request has ended in it
        self._recent = b""  # all slices since that in which the present head began
        self._is_first = True  # its request, of those in the slice
        self._unparsed = b""
        self._received = 0  # bytes of the present request
        self._in_head = True
        self._has_refused = False
        self.is_receiving = False  # a request, some of which is here

    def close(self) -> None:
        """End: the parser and what it calls know each other."""
        del self._parser, self._receiver, self.on_body

    def feed(self, data: bytes) -> None:
        """Take what came, for `parse_on`."""
        self.is_receiving = True
        self._unparsed += data

    @property
    def holds_call(self) -> bool:
        """Tell whether what is not parsed yet begins with a call: with a POST, unlike a health check."""
        return self._unparsed.startswith(_CALL)

    def parse_on(self) -> None:
        """Parse a slice at a time, while the receiver takes more, unless a request grows too large."""
        while self._unparsed and self._receiver.accepts_more:
            part, self._unparsed = self._unparsed[:SLICE_BYTES], self._unparsed[SLICE_BYTES:]
            self._latest = part
            self._received += len(part)
            self._recent += part
            try:
                self._parser.feed_data(part)
            except httptools.HttpParserUpgrade:
                pass  # it was refused when the head was complete
            except httptools.HttpParserInvalidMethodError:
                is_request = _REQUEST.match(self._latest)
                self._refuse(MethodNotAllowed() if is_request else NotHttp())
            except httptools.HttpParserError:
                self._refuse(NotHttp())
            if self._in_head and self._received > MAX_HEAD_BYTES:
                self._refuse(HeadTooLarge())
            elif self._received > MAX_REQUEST_BYTES:
                self._refuse(BodyTooLarge())
            if not (self._in_head and self.is_receiving):
                self._recent = b""

    def _refuse(self, refusal: Refused) -> None:
        self._has_refused = True
        self._receiver.refuse(refusal)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.is_receiving = True
        self._is_first = bool(self._latest)
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes behind a body is for nobody (RFC 9110, section 6.5.1)."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Hand on the head, but no upgrade: the parser stops at it, and would take its body for another."""
        self._in_head = False
        if self._has_refused:  # it is the rest of a slice, behind that
            return
        headers, self._headers = self._headers, []  # what is still to come is no part of the head
        fields, version, method = dict(headers), self._parser.get_http_version(), self._parser.get_method()
        # What was received may have some of the body already.
        if self._received > MAX_HEAD_BYTES and self._size_of(method, headers) > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())
        elif self._parser.should_upgrade():
            self._refuse(NotHttp("No other protocol is spoken here: send the request without Upgrade."))
        elif names_other_protocol(method, self._url, self._recent, is_first=self._is_first):
            self._refuse(NotHttp())
        elif fault := find_fault(headers, fields, version):
            self._refuse(NotHttp(fault))
        else:
            is_1_1 = version == "1.1"  # before, neither was known
            self._receiver.begin_request(
                self._scope(version, method, headers),
                keep_alive=is_1_1 and self._parser.should_keep_alive(),
                awaits_continue=is_1_1 and fields.get(b"expect", b"").lower() == b"100-continue",
            )

    def on_message_complete(self) -> None:
        """End a request."""
        self.is_receiving = False
        self._latest = b""  # what follows begins somewhere inside
        self._received, self._in_head = 0, True
        self._receiver.end_request()

    def _size_of(self, method: bytes, headers: Headers) -> int:
        """Return the bytes of a head: of its line, of its *headers*, and of the empty line."""
        line = len(method) + len(self._url) + len("  HTTP/1.1\r\n")
        return line + sum(len(name) + len(value) + len(": \r\n") for name, value in headers) + len("\r\n")

    def _scope(self, version: str, method: bytes, headers: Headers) -> Scope:
        path, raw_path, query = _parse_target(self._url)
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": method.decode("ascii"),
            "scheme": "http",
            "root_path": "",
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "server": self._receiver.server,
            "client": self._receiver.client,
            "state": self._receiver.app_state.copy(),
        }


@lru_cache(TARGETS_KEPT)
def _parse_target(target: bytes) -> tuple[str, bytes, bytes]:
    """Return the path, as it is read and as it came, and the query of a request's *target*."""
    parsed = httptools.parse_url(target)
    return unquote(parsed.path.decode("ascii")), parsed.path, parsed.query or b""
