"""Refusals of the limits: rate limits and overload.

Refused
├── TooManyCalls     429 too_many_calls
├── AlreadyInFlight  429 already_in_flight
└── Overloaded       503 overloaded
"""

from app.protocol.errors import Refused


class TooManyCalls(Refused):
    """A limit is reached; `Retry-After` says for how long."""

    code = "too_many_calls"
    status = 429
    reason = "Too many calls: try again after Retry-After."


class AlreadyInFlight(Refused):
    """The same call is on its way already, and as many repeats wait for its end as may."""

    code = "already_in_flight"
    status = 429
    reason = "This very call is on its way already: wait for its answer, or try again after Retry-After."


class Overloaded(Refused):
    """The server has as many calls in flight as it can serve in time."""

    code = "overloaded"
    status = 503
    reason = "The server is busy: try again after Retry-After."
