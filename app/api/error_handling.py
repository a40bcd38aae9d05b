"""Exception handlers: a refusal for each exception, and a log entry for a fault of the server."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import InternalError, MethodNotAllowed, NotFound
from app.api.responses import HttpResponse, refusal
from app.api.state import app_state
from app.protocol.errors import Refused
from app.telemetry.request_log import current_record, note_refusal

log = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Coroutine[Any, Any, Response]]


class ErrorHandler:
    """ASGI middleware that answers for exceptions, and logs those that are no refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to be told, or the server below has told it why
        except Exception as error:
            record = current_record()
            if record is None:  # it is the lifespan
                raise
            refused = refused_for(error)
            if isinstance(refused, InternalError):
                log.exception("a request failed")
            if not record.status:
                await refuse(scope, refused)(scope, receive, send)
            elif not record.is_answered:
                raise  # the server below closes the connection: that tells the client
            # Otherwise FastAPI has answered, and raises the exception again to have it logged.


def refuse(scope: Scope, refused: Refused) -> HttpResponse:
    """Return the answer to a request that is *refused*, and note why for the log and the metrics."""
    note_refusal(refused.code)
    return refusal(app_state(scope["state"]).clock(), refused)


def refused_for(error: Exception) -> Refused:
    """Return the refusal that a client is told for *error*."""
    match error:
        case Refused():
            return error
        case HTTPException(status_code=405, headers=headers):
            return MethodNotAllowed((headers or {}).get("Allow", ""))
        case HTTPException(status_code=404):
            return NotFound()
        case _:
            return InternalError()


async def _answer(request: Request, error: Exception) -> Response:
    answer = refuse(request.scope, refused_for(error))
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, answer.status, headers)


# For FastAPI. Coroutines: plain functions would be called in threads.
HANDLERS: dict[int | type[Exception], Handler] = {
    Refused: _answer,
    HTTPException: _answer,
    Exception: _answer,
}
