"""Validation of a push message POST (RFC 8030 section 5, RFC 8291 section 4). Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.push_service.errors import ErrorCode, PushError

# Bytes; RFC 8030 section 7.2 has every push service take this much, and real ones take no more.
MAX_BODY = 4096

# Seconds; 28 days is what Google's push service keeps a message at most.
MAX_TTL = 28 * 24 * 3600

# Ten digits hold every TTL that RFC 8030 section 5.2 asks for (2**31 seconds).
TTL = re.compile(r"[0-9]{1,10}")
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
URGENCIES = frozenset({"very-low", "low", "normal", "high"})

# Bytes of salt, record size, key id length and a P-256 point (RFC 8188 section 2.1, RFC 8291 section 4).
HEADER = 16 + 4 + 1 + 65


@dataclass(frozen=True, slots=True)
class Push:
    """A push message that may be delivered: its body, its life in seconds and its topic."""

    body: bytes
    ttl: int
    topic: str | None


def read_push(headers: Mapping[str, str], body: bytes) -> Push:
    """Return the push message of a POST; raise `PushError` when it is none.

    *headers* has lower-case names. A TTL over `MAX_TTL` is lowered to it, as RFC 8030 section 5.2 allows.
    """
    check_urgency(headers.get("urgency", "normal"))
    ttl = read_ttl(headers.get("ttl", ""))
    topic = read_topic(headers.get("topic"))
    check_body(body, headers.get("content-encoding", ""))
    return Push(body, ttl, topic)


def read_ttl(text: str) -> int:
    """Return the seconds a message may wait."""
    if not TTL.fullmatch(text):
        raise PushError(ErrorCode.BAD_TTL)
    return min(int(text), MAX_TTL)


def read_topic(text: str | None) -> str | None:
    """Return the topic, if there is one."""
    if text is not None and not TOPIC.fullmatch(text):
        raise PushError(ErrorCode.BAD_TOPIC)
    return text


def check_urgency(text: str) -> None:
    """Raise `PushError` unless *text* is a word of RFC 8030 section 5.3."""
    if text not in URGENCIES:
        raise PushError(ErrorCode.BAD_URGENCY)


def check_body(body: bytes, encoding: str) -> None:
    """Raise `PushError` unless *body* is empty or looks like a sealed message that fits."""
    if len(body) > MAX_BODY:
        raise PushError(ErrorCode.TOO_LARGE)
    if body and encoding != "aes128gcm":
        raise PushError(ErrorCode.BAD_ENCODING)
    if body and (len(body) < HEADER or body[20:22] != b"\x41\x04"):
        raise PushError(ErrorCode.BAD_BODY)
