"""Refusals of the limits: rate limits and overload.

Refused
├── TooManyCalls  429 too_many_calls
└── Overloaded    503 overloaded
"""

from app.protocol.errors import Refused


class TooManyCalls(Refused):
    """A limit is reached; `Retry-After` says for how long."""

    code = "too_many_calls"
    status = 429
    reason = "Too many calls: try again after Retry-After."


class Overloaded(Refused):
    """The server has as many calls in flight as it can serve in time."""

    code = "overloaded"
    status = 503
    reason = "The server is busy: try again after Retry-After."
