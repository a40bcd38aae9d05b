"""Checks against request smuggling: heads that two programs read in two ways (RFC 9112, 2.3, 3.2, 6.1)."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

# RFC 3986, section 3.2.2: a name or address, or none, and a port; no comma, which joins two headers.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-fv.:]+\])(?::[0-9]*)?")

_HOSTS_KEPT = 64  # with what was found: a server has few names

_VERSIONS = ("1.0", "1.1")

_OTHER_PROTOCOL = b" RTSP/1."  # the parser takes it for HTTP, of the same version
_TARGET_END_BYTES = 8  # by which a request's own line is known

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
    if host is not None and not _is_host(host):
        return _HOST_FAULT
    if coding is None:
        return None
    is_clear = version != "1.0" and names.count(b"transfer-encoding") <= 1 and coding.lower() == b"chunked"
    return None if is_clear else _CODING_FAULT


@lru_cache(_HOSTS_KEPT)
def _is_host(text: bytes) -> bool:
    return _HOST.fullmatch(text) is not None


def names_other_protocol(method: bytes, target: bytes, received: bytes, *, is_first: bool) -> bool:
    """Tell whether a request's own line names another protocol than HTTP, which the parser takes for it.

    The line is somewhere in what was *received*: at its beginning, if it *is_first*.
    """
    if is_first and received.startswith(b"%b %b HTTP/" % (method, target)):
        return False
    return target[-_TARGET_END_BYTES:] + _OTHER_PROTOCOL in received  # honest clients send none
