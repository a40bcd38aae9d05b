"""Request ids, by which the log knows a request: its proxy's, or a random one."""

import os
from collections.abc import Iterator, Mapping

REQUEST_ID = "X-Request-ID"
FIELD = REQUEST_ID.lower().encode()  # as ASGI has it

MAX_CHARACTERS = 64  # of one that a proxy gives
_DIGITS = 16  # of a random one, hexadecimal
_MADE_AT_ONCE = 256


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """Return the id that a proxy gave the request with these *headers*, if it is plain, or a new one."""
    given = headers.get(FIELD)
    if given and len(given) <= MAX_CHARACTERS and given.replace(b"-", b"").isalnum():
        return given.decode()
    return next(_random_ids)


def _make_random_ids() -> Iterator[str]:
    while True:
        digits = os.urandom(_MADE_AT_ONCE * _DIGITS // 2).hex()  # one system call for all
        for start in range(0, len(digits), _DIGITS):
            yield digits[start : start + _DIGITS]


_random_ids = _make_random_ids()
