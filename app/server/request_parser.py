"""Request parser: httptools' for HTTP/1.1, with size limits and strict heads."""

import re
from typing import Protocol
from urllib.parse import unquote

import httptools
from starlette.types import Scope

from app.api.errors import HeadTooLarge, MethodNotAllowed, NotHttp
from app.protocol.errors import BodyTooLarge, Refused
from app.server.request_head_checks import OtherProtocol, find_fault

MAX_HEAD_BYTES = 16_384  # browsers send about 1 KiB
SLICE_BYTES = 4096  # so much at a time is parsed before it is counted; a call is one or two slices
MAX_REQUEST_BYTES = 131_072  # all of a request: 8 KiB of body in chunks of one byte, and its head

_REQUEST = re.compile(rb"[A-Z]{3,20} /")
_ASGI = {"version": "3.0", "spec_version": "2.3"}


class RequestReceiver(Protocol):
    """Receiver of what is parsed, in order."""

    @property
    def accepts_more(self) -> bool:
        """Tell whether anything more is looked at: not after a refusal, or when it closes."""

    @property
    def is_full(self) -> bool:
        """Tell whether requests enough wait, so that no more is parsed for now."""

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
        self._parser = httptools.HttpRequestParser(self)
        # What comes behind a request with "Connection: close" must not hinder the answer to it.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._other_protocol = OtherProtocol()
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._awaits_continue = False
        self._latest = b""
        self._unparsed = b""
        self._received = 0  # bytes of the present request
        self._in_head = True
        self.is_receiving = False  # a request, some of which is here

    def close(self) -> None:
        """End: the parser and what it calls know each other."""
        del self._parser, self._receiver

    def feed(self, data: bytes) -> None:
        """Take what came, for `parse_on`."""
        self.is_receiving = True
        self._unparsed += data

    def parse_on(self) -> None:
        """Parse a slice at a time, unless a request grows too large, until the receiver is full."""
        while self._unparsed and not self._receiver.is_full:
            self._latest, self._unparsed = self._unparsed[:SLICE_BYTES], self._unparsed[SLICE_BYTES:]
            self._received += len(self._latest)
            self._other_protocol.feed(self._latest)
            self._parse()
            if self._in_head and self._received > MAX_HEAD_BYTES:
                self._receiver.refuse(HeadTooLarge())
            elif self._received > MAX_REQUEST_BYTES:
                self._receiver.refuse(BodyTooLarge())
            if not self._receiver.accepts_more:
                return

    def _parse(self) -> None:
        try:
            self._parser.feed_data(self._latest)
        except httptools.HttpParserUpgrade:
            pass  # it was refused when the head was complete
        except httptools.HttpParserInvalidMethodError:
            is_request = _REQUEST.match(self._latest)
            self._receiver.refuse(MethodNotAllowed() if is_request else NotHttp())
        except httptools.HttpParserError:
            self._receiver.refuse(NotHttp())

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.is_receiving = True
        self._url = b""
        self._headers = []
        self._awaits_continue = False

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes behind a body is for nobody (RFC 9110, section 6.5.1)."""
        if not self._in_head:
            return
        name = name.lower()
        if name == b"expect":
            self._awaits_continue = value.lower() == b"100-continue"
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand on the head, but no upgrade: the parser stops at it, and would take its body for another."""
        self._in_head = False
        if not self._receiver.accepts_more:  # the rest of a slice, behind what was refused
            return
        version = self._parser.get_http_version()
        if self._received > MAX_HEAD_BYTES:
            self._receiver.refuse(HeadTooLarge())
        elif self._parser.should_upgrade():
            self._receiver.refuse(
                NotHttp("No other protocol is spoken here: send the request without Upgrade.")
            )
        elif self._other_protocol.follows(self._url):
            self._receiver.refuse(NotHttp())
        elif fault := find_fault(self._headers, version):
            self._receiver.refuse(NotHttp(fault))
        else:
            is_1_0 = version == "1.0"  # which knows neither
            self._receiver.begin_request(
                self._scope(version),
                keep_alive=not is_1_0 and self._parser.should_keep_alive(),
                awaits_continue=not is_1_0 and self._awaits_continue,
            )

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        self._receiver.take_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self.is_receiving = False
        self._latest = b""  # what follows begins somewhere inside
        self._received, self._in_head = 0, True
        self._receiver.end_request()

    def _scope(self, version: str) -> Scope:
        target = httptools.parse_url(self._url)
        path = target.path.decode("ascii")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": target.path,
            "query_string": target.query or b"",
            "headers": self._headers,
        }
