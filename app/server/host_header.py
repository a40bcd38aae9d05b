"""Host header of a request: exactly one, with a host in it (RFC 9112, section 3.2)."""

import re
from collections.abc import Iterable

# RFC 3986, section 3.2.2: a name or address, or none, and a port; no comma, which joins two headers.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-fv.:]+\])(?::[0-9]*)?")


def is_host_clear(headers: Iterable[tuple[bytes, bytes]], version: str) -> bool:
    """Tell whether a request of this HTTP *version* names one host, which HTTP/1.0 may leave out.

    Where two proxies may choose between two hosts, each may choose another.
    """
    hosts = [value for name, value in headers if name == b"host"]
    if not hosts:
        return version == "1.0"
    return len(hosts) == 1 and version in ("1.0", "1.1") and _HOST.fullmatch(hosts[0]) is not None
