"""Refusals of HTTP: requests that can't be read, paths and methods that aren't there, faults of the server.

Refused
├── NotHttp              400 not_http
├── OriginNotAllowed     403 origin_not_allowed
├── NotFound             404 not_found
├── MethodNotAllowed     405 method_not_allowed
├── RequestTimedOut      408 request_timed_out
├── UnsupportedEncoding  415 unsupported_encoding
├── HeadTooLarge         431 head_too_large
└── InternalError        500 internal_error
"""

from app.protocol.errors import Refused


class NotHttp(Refused):
    """Bytes that are not an HTTP request, or a request whose length is ambiguous."""

    code = "not_http"
    status = 400
    reason = "This is not an HTTP request that can be read in one way only."


class OriginNotAllowed(Refused):
    """A page of this origin may not call, or not with this HTTP method or these headers."""

    code = "origin_not_allowed"
    status = 403
    reason = "Pages of this origin may not call, or not in this way."


class NotFound(Refused):
    """There is nothing at the request's path."""

    code = "not_found"
    status = 404
    reason = "There is nothing at this path: see /docs."


class MethodNotAllowed(Refused):
    """The path takes another HTTP method: those in *allow*."""

    code = "method_not_allowed"
    status = 405
    reason = "This path takes another HTTP method: see Allow."

    def __init__(self, allow: str = "GET, HEAD, POST") -> None:
        super().__init__()
        self.allow = allow


class RequestTimedOut(Refused):
    """The request was not received in time."""

    code = "request_timed_out"
    status = 408
    reason = "The request was not received in time."


class UnsupportedEncoding(Refused):
    """The request's body is compressed; compressed requests are never inflated."""

    code = "unsupported_encoding"
    status = 415
    reason = "Send the body as it is, without a Content-Encoding."


class HeadTooLarge(Refused):
    """The request's head is larger than any client's."""

    code = "head_too_large"
    status = 431
    reason = "The request's head is too large."


class InternalError(Refused):
    """A fault of the server, which logged it."""

    code = "internal_error"
    status = 500
    reason = "The server failed; it was logged."
