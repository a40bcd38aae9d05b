"""Refusals of HTTP, and the response for each refusal.

Refused
├── NotHttp              400 not_http
├── OriginNotAllowed     403 origin_not_allowed
├── RequestTimedOut      408 request_timed_out
├── UnsupportedEncoding  415 unsupported_encoding
└── HeadTooLarge         431 head_too_large
"""

from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.answers import Refusal
from app.api.state import app_state
from app.protocol.errors import BodyTooLarge, Refused
from app.telemetry.request_log import note_refusal

# What can go wrong before a call is one: a path or an HTTP method that is not there, or a fault of ours.
HTTP_CODES = {
    404: ("not_found", "There is nothing at this path: see /docs."),
    405: ("method_not_allowed", "This path takes another HTTP method: see Allow."),
    500: ("internal_error", "The server failed; it was logged."),
}


class NotHttp(Refused):
    """What came is not an HTTP request, or one whose length is ambiguous."""

    code = "not_http"
    status = 400
    reason = "This is not an HTTP request that can be read in one way only."


class OriginNotAllowed(Refused):
    """A page of this origin may not call, or not with this HTTP method or these headers."""

    code = "origin_not_allowed"
    status = 403
    reason = "Pages of this origin may not call, or not in this way."


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


def install(app: FastAPI) -> None:
    """Answer every exception of *app* in the one form that clients know.

    The handlers are coroutines: others would be called in threads.
    """
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)


def refuse(now: int, refusal: Refused) -> JSONResponse:
    """Return the response for *refusal*; *now* in ms."""
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    if isinstance(refusal, BodyTooLarge):
        headers["Connection"] = "close"  # the rest of the body is not read
    return _response(now, refusal.status, refusal.code, refusal.reason, refusal.errors, headers)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return refuse(app_state(request).clock(), cast("Refused", error))


async def _http(request: Request, error: Exception) -> JSONResponse:
    status = cast("HTTPException", error).status_code
    code, reason = HTTP_CODES.get(status, (f"http_{status}", HTTPStatus(status).phrase))
    headers = dict(cast("HTTPException", error).headers or {})
    return _response(app_state(request).clock(), status, code, reason, [], headers)


def fail(now: int) -> JSONResponse:
    """Return the response for a fault of ours; *now* in ms."""
    return _response(now, 500, *HTTP_CODES[500], [], {})


def _response(
    now: int, status: int, code: str, reason: str, errors: list[str], headers: dict[str, str]
) -> JSONResponse:
    note_refusal(code)
    answer = Refusal(timestamp=now, code=code, reason=reason, errors=errors)
    return JSONResponse(answer.model_dump(), status, headers)


class MethodNotAllowed(Refused):
    """The HTTP method is none that the path takes."""

    code, reason = HTTP_CODES[405]
    status = 405
