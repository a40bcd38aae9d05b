"""Checks against request smuggling: heads that two programs read in two ways (RFC 9112, 2.3, 3.2, 6.1)."""

import re
from collections.abc import Mapping, Sequence

# RFC 3986, section 3.2.2: a name or address, or none, and a port; no comma, which joins two headers.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-fv.:]+\])(?::[0-9]*)?")

_VERSIONS = ("1.0", "1.1")

_OTHER_PROTOCOL = b" RTSP/"  # the parser takes it for HTTP
_URL_END_BYTES = 8  # by which a request's own line is known
_SEEN_BYTES = 32_768  # more than a head has

_HOST_FAULT = "A request of HTTP/1.1 has one Host header with a host."
_CODING_FAULT = "The only transfer coding that is understood is chunked, in HTTP/1.1."


def find_fault(
    headers: Sequence[tuple[bytes, bytes]], fields: Mapping[bytes, bytes], version: str
) -> str | None:
    """Return what is wrong with the head of a request of this HTTP *version*, `None` if nothing is.

    *fields* are its *headers* by their names. It names one host, which HTTP/1.0 may leave out: where two
    proxies may choose between two hosts, each may choose another. Its body ends as everybody in between
    understands it.
    """
    host, coding = fields.get(b"host"), fields.get(b"transfer-encoding")
    names = [name for name, _ in headers] if len(fields) < len(headers) else []  # if some are repeated
    if version not in _VERSIONS or names.count(b"host") > 1 or (host is None and version != "1.0"):
        return _HOST_FAULT
    if host is not None and not _HOST.fullmatch(host):
        return _HOST_FAULT
    if coding is None:
        return None
    is_clear = version != "1.0" and names.count(b"transfer-encoding") <= 1 and coding.lower() == b"chunked"
    return None if is_clear else _CODING_FAULT


class OtherProtocol:
    """Search for request lines of another protocol, in slices of what came; honest clients send none."""

    __slots__ = ("_seen", "_tail")

    def __init__(self) -> None:
        self._tail = b""
        self._seen = b""

    def feed(self, data: bytes) -> None:
        """Look at the next slice, before it is parsed."""
        joined = self._tail + data
        self._tail = joined[-_URL_END_BYTES - len(_OTHER_PROTOCOL) :]
        if _OTHER_PROTOCOL in joined:
            self._seen = (self._seen + joined)[-_SEEN_BYTES:]

    def follows(self, url: bytes) -> bool:
        """Tell whether another protocol was named behind *url*."""
        return bool(self._seen) and url[-_URL_END_BYTES:] + _OTHER_PROTOCOL in self._seen
