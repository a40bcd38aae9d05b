"""Refusals become responses, in one place; every one tells the server's time."""

from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.dependencies import parts
from app.protocol.errors import BodyTooLarge, Refused

# What can go wrong before a call is one: a path or an HTTP method that is not there, or a fault of ours.
HTTP_CODES = {
    404: ("not_found", "There is nothing at this path: see /docs."),
    405: ("method_not_allowed", "This path takes another HTTP method: see Allow."),
    500: ("internal_error", "The server failed; it was logged."),
}


def install(app: FastAPI) -> None:
    """Answer every exception of *app* in the one form that clients know."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)


def _refused(request: Request, error: Exception) -> JSONResponse:
    refusal = cast("Refused", error)
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    if isinstance(refusal, BodyTooLarge):
        headers["Connection"] = "close"  # the rest of the body is not read
    return _response(request, refusal.status, refusal.code, refusal.reason, refusal.errors, headers)


def _http(request: Request, error: Exception) -> JSONResponse:
    status = cast("HTTPException", error).status_code
    code, reason = HTTP_CODES.get(status, (f"http_{status}", HTTPStatus(status).phrase))
    headers = dict(cast("HTTPException", error).headers or {})
    return _response(request, status, code, reason, [], headers)


def _failed(request: Request, _: Exception) -> JSONResponse:
    return _response(request, 500, *HTTP_CODES[500], [], {})


def _response(
    request: Request, status: int, code: str, reason: str, errors: list[str], headers: dict[str, str]
) -> JSONResponse:
    body = {
        "ok": False,
        "timestamp": parts(request).clock(),
        "code": code,
        "reason": reason,
        "errors": errors,
    }
    return JSONResponse(body, status, headers)
