"""Refusals of the protocol: calls that are malformed, forged, stale or replayed.

Refused
├── NotJson         400 not_json
├── NotACall        400 not_a_call
├── BadSignature    401 bad_signature
├── StaleTimestamp  409 stale_timestamp
├── Replayed        409 replayed
├── BodyTooLarge    413 body_too_large
├── UnknownMethod   422 unknown_method
├── WrongMethod     422 wrong_method
└── InvalidCall     422 invalid_call
"""

from collections.abc import Sequence
from typing import ClassVar


class Refused(Exception):
    """A call that was not carried out.

    `code` is stable: a program branches on it. `reason` is one sentence for a person, `errors` one entry per
    fault, `retry_after` seconds. None of them ever holds what the caller sent.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    reason: str

    def __init__(
        self, reason: str | None = None, *, errors: Sequence[str] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(reason or self.reason)
        self.reason = reason or self.reason
        self.errors = list(errors)
        self.retry_after = retry_after


class NotJson(Refused):
    """The body is not strict UTF-8 JSON."""

    code = "not_json"
    status = 400
    reason = "The body is not JSON."


class NotACall(Refused):
    """JSON, but not an object with the three members a, b and c."""

    code = "not_a_call"
    status = 400
    reason = 'The body is not a call: {"a": method, "b": data, "c": signature}.'


class BadSignature(Refused):
    """The signature is not the sender's signature of this data."""

    code = "bad_signature"
    status = 401
    reason = "The signature does not verify: c must be the sender's Ed25519 signature of the JCS text of b."


class StaleTimestamp(Refused):
    """The timestamp is outside the clock window; the answer tells the server's time."""

    code = "stale_timestamp"
    status = 409
    reason = "The timestamp is outside the clock window."


class Replayed(Refused):
    """The same data was relayed already, as another method."""

    code = "replayed"
    status = 409
    reason = "This data was relayed already as another method: sign each call anew."


class BodyTooLarge(Refused):
    """The request's body is larger than a call can be."""

    code = "body_too_large"
    status = 413
    reason = "The body is too large."


class UnknownMethod(Refused):
    """The call's method is none that the protocol knows."""

    code = "unknown_method"
    status = 422
    reason = "a must be one of update, dial, offer, answer, ice, close."


class WrongMethod(Refused):
    """The call's method is not the one of the path."""

    code = "wrong_method"
    status = 422
    reason = "a must be the method of the path."


class InvalidCall(Refused):
    """Well-formed, with wrong content: each fault is an entry in `errors`."""

    code = "invalid_call"
    status = 422
    reason = "The call's content is not valid: see errors."
