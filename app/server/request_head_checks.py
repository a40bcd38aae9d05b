"""Checks against request smuggling: heads that two programs read in two ways (RFC 9112, 2.3, 3.2, 6.1)."""

import re
from collections.abc import Sequence

# RFC 3986, section 3.2.2: a name or address, or none, and a port; no comma, which joins two headers.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-fv.:]+\])(?::[0-9]*)?")

_OTHER_PROTOCOL = b" RTSP/"  # the parser takes it for HTTP
_URL_END_BYTES = 8  # by which a request's own line is known
_SEEN_BYTES = 32_768  # more than a head has

_HOST_FAULT = "A request of HTTP/1.1 has one Host header with a host."
_CODING_FAULT = "The only transfer coding that is understood is chunked, in HTTP/1.1."


def find_fault(headers: Sequence[tuple[bytes, bytes]], version: str) -> str | None:
    """Return what is wrong with the head of a request of this HTTP *version*, `None` if nothing is.

    It names one host, which HTTP/1.0 may leave out: where two proxies may choose between two hosts, each may
    choose another. Its body ends as everybody in between understands it.
    """
    fields = dict(headers)
    names = [name for name, _ in headers] if len(fields) < len(headers) else list(fields)
    hosts, codings = names.count(b"host"), names.count(b"transfer-encoding")
    if version not in ("1.0", "1.1") or hosts > 1 or not (hosts or version == "1.0"):
        return _HOST_FAULT
    if hosts and not _HOST.fullmatch(fields[b"host"]):
        return _HOST_FAULT
    is_clear = codings == 0 or (codings == 1 and fields[b"transfer-encoding"].lower() == b"chunked")
    return None if is_clear and not (codings and version == "1.0") else _CODING_FAULT


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
