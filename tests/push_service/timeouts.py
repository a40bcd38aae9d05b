"""Timeouts of the push service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a body may take to arrive, a user agent to say hello, and a frame to be read by it."""

    body: float = 10.0
    hello: float = 10.0
    send: float = 5.0
