"""The tree of refusals: what went wrong, its stable code, its HTTP status and its sentence.

Refused
├── NotHttp              400 not_http
├── NotJson              400 not_json
├── NotACall             400 not_a_call
├── BadSignature         401 bad_signature
├── EndpointNotAllowed   403 endpoint_not_allowed
├── EndpointUnverified   403 endpoint_unverified
├── OriginNotAllowed     403 origin_not_allowed
├── UnknownRecipient     404 unknown_recipient
├── RecipientGone        404 recipient_gone
├── RequestTimedOut      408 request_timed_out
├── StaleTimestamp       409 stale_timestamp
├── StaleUpdate          409 stale_update
├── Replayed             409 replayed
├── BodyTooLarge         413 body_too_large
├── MessageTooLarge      413 message_too_large
├── UnsupportedEncoding  415 unsupported_encoding
├── UnknownMethod        422 unknown_method
├── WrongMethod          422 wrong_method
├── InvalidCall          422 invalid_call
├── TooManyCalls         429 too_many_calls
├── HeadTooLarge         431 head_too_large
├── PushRefused          502 push_refused
├── PushUnreachable      502 push_unreachable
├── DatabaseUnavailable  503 database_unavailable
├── OutdatedSchema       503 outdated_schema
├── Overloaded           503 overloaded
├── PushBusy             503 push_busy
└── PushTimedOut         504 push_timed_out
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


class NotHttp(Refused):
    """What came is not an HTTP request, or one whose length is ambiguous."""

    code = "not_http"
    status = 400
    reason = "This is not an HTTP request that can be read in one way only."


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


class EndpointNotAllowed(Refused):
    """The subscription's endpoint is not one that this server may send to."""

    code = "endpoint_not_allowed"
    status = 403
    reason = "This server does not send to the push service of this subscription."


class EndpointUnverified(Refused):
    """Anybody may have named this endpoint: the code in the verification push is needed to register it."""

    code = "endpoint_unverified"
    status = 403
    reason = "A verification push was sent to this endpoint: send the update again with its code as d."


class OriginNotAllowed(Refused):
    """A page of this origin may not call, or not with this HTTP method or these headers."""

    code = "origin_not_allowed"
    status = 403
    reason = "Pages of this origin may not call, or not in this way."


class UnknownRecipient(Refused):
    """Nobody is registered under this address."""

    code = "unknown_recipient"
    status = 404
    reason = "Nobody is registered under the recipient's address."


class RecipientGone(Refused):
    """The push service says that the recipient's subscription is gone; it is forgotten here too."""

    code = "recipient_gone"
    status = 404
    reason = "The recipient's subscription is gone; they must register again before they can be reached."


class RequestTimedOut(Refused):
    """The request was not received in time."""

    code = "request_timed_out"
    status = 408
    reason = "The request was not received in time."


class StaleTimestamp(Refused):
    """The timestamp is outside the clock window; the answer tells the server's time."""

    code = "stale_timestamp"
    status = 409
    reason = "The timestamp is outside the clock window."


class StaleUpdate(Refused):
    """The update is not newer than the one that is stored."""

    code = "stale_update"
    status = 409
    reason = "A newer update of this address is stored already: sign a new one with the present time."


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


class MessageTooLarge(Refused):
    """The call does not fit one Web Push message."""

    code = "message_too_large"
    status = 413
    reason = "The call does not fit one Web Push message."


class UnsupportedEncoding(Refused):
    """The request's body is compressed; compressed requests are never inflated."""

    code = "unsupported_encoding"
    status = 415
    reason = "Send the body as it is, without a Content-Encoding."


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


class TooManyCalls(Refused):
    """A limit is reached; `Retry-After` says for how long."""

    code = "too_many_calls"
    status = 429
    reason = "Too many calls: try again after Retry-After."


class HeadTooLarge(Refused):
    """The request's head is larger than any client's."""

    code = "head_too_large"
    status = 431
    reason = "The request's head is too large."


class PushRefused(Refused):
    """The push service answered, and did not take the message."""

    code = "push_refused"
    status = 502
    reason = "The recipient's push service refused the message."


class PushUnreachable(Refused):
    """No connection to the push service could be made or kept."""

    code = "push_unreachable"
    status = 502
    reason = "The recipient's push service could not be reached."


class DatabaseUnavailable(Refused):
    """The database does not answer."""

    code = "database_unavailable"
    status = 503
    reason = "The server's database is unavailable: try again soon."


class OutdatedSchema(Refused):
    """The database's tables are older than this version of the server."""

    code = "outdated_schema"
    status = 503
    reason = "The database's schema is outdated: run `whisper migrate`."


class Overloaded(Refused):
    """The server has as many calls in flight as it can serve in time."""

    code = "overloaded"
    status = 503
    reason = "The server is busy: try again after Retry-After."


class PushBusy(Refused):
    """The push service asks to wait."""

    code = "push_busy"
    status = 503
    reason = "The recipient's push service asks to wait: try again after Retry-After."


class PushTimedOut(Refused):
    """The push service did not answer in time; the message may or may not have been delivered."""

    code = "push_timed_out"
    status = 504
    reason = "The recipient's push service did not answer in time."
