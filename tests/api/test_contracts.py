"""Contracts with FastAPI, Starlette, prometheus-client and logging: each test names what has changed."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio


SCOPE: Scope = {"type": "http", "method": "GET", "headers": [], "query_string": b"", "path": "/x"}


async def request(app: ASGIApp, scope: Scope, sent: list[Message]) -> None:
    """Send a bare request to *app*, and keep in *sent* what it answers."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)


async def test_fastapi_tells_the_route_in_the_scope() -> None:
    """`scope["route"].path` is the path that the request log tells."""
    app = FastAPI()

    @app.get("/x")
    async def x() -> None: ...

    scope = dict(SCOPE)
    await request(app, scope, [])

    assert scope["route"].path == "/x"


async def test_starlette_answers_for_an_exception_and_raises_it_again() -> None:
    """The whole answer is there by then: the outer middleware only logs the exception."""

    async def answer(_: Request, __: Exception) -> Response:
        return Response(b"told", 500)

    app = FastAPI(exception_handlers={Exception: answer})

    @app.get("/x")
    async def x() -> None:
        raise LookupError

    sent: list[Message] = []
    with pytest.raises(LookupError):
        await request(app, dict(SCOPE), sent)

    assert (sent[0]["status"], sent[-1]["body"], sent[-1].get("more_body", False)) == (500, b"told", False)


async def test_starlette_gives_the_lifespans_state_to_requests_of_every_application() -> None:
    """Not only to those that FastAPI serves: it is the ASGI server that copies it into each scope."""
    seen = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, int]]:
        yield {"app": 7}

    inner = FastAPI(lifespan=lifespan)

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            seen.append(scope["state"]["app"])
        await inner(scope, receive, send)

    async with (
        LifespanManager(outer) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://x") as client,
    ):
        await client.get("/")

    assert seen == [7]


def test_fastapis_telemetry_can_be_off() -> None:
    """Each of these is a switch: it would tell paths and exceptions as they came."""
    assert TelemetryConfig.__annotations__.keys() >= {"tracing", "metrics", "logs", "auto_configure"}


async def test_static_files_ask_for_the_response_of_what_they_found(tmp_path: Path) -> None:
    """By a method that a subclass replaces, with the real path and the request, in this order."""
    asked: list[object] = []

    class Asked(StaticFiles):
        def file_response(self, full_path: str | os.PathLike[str], *rest: object) -> PlainTextResponse:
            asked.extend([full_path, rest[1]])
            return PlainTextResponse("it")

    (tmp_path / "a.js").touch()
    scope: Scope = {**SCOPE, "path": "/a.js"}
    response = await Asked(directory=tmp_path).get_response("a.js", scope)

    assert (response.body, asked) == (b"it", [str(tmp_path / "a.js"), scope])


def test_a_304_keeps_the_headers_that_it_may_have() -> None:
    """Its entity tag, and what it varies by."""
    response = NotModifiedResponse(Headers({"ETag": "1", "Vary": "*", "Content-Type": "text/css"}))

    assert (response.status_code, dict(response.headers)) == (304, {"etag": "1", "vary": "*"})


def test_mutable_headers_change_the_message() -> None:
    """Middleware sets them on an answer that is on its way."""
    message: Message = {"type": "http.response.start", "headers": [(b"etag", b"1")]}

    MutableHeaders(scope=message).update({"ETag": "2", "Vary": "*"})

    assert message["headers"] == [(b"etag", b"2"), (b"vary", b"*")]


WORKERS = """
import os, sys
from app.telemetry.metrics import DATABASE, Metrics, forget_process
metrics = Metrics("1", 7)
if os.fork() == 0:
    metrics.move_in_flight(None, DATABASE)
    metrics.publish()
    os._exit(0)
pid, _ = os.wait()
before = metrics.exposition().decode()
forget_process(pid)
after = metrics.exposition().decode()
held = 'whisper_in_flight{held_by="database"} '
print(held + "1.0" in before, held + "1.0" in after, held + "0.0" in after)
"""


def test_prometheus_client_merges_processes_and_forgets_the_dead(tmp_path: Path) -> None:
    """A worker that was killed carries no calls."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", WORKERS], env=environment, capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == ["True", "False", "True"]


ORIGINS = """
import logging
from app.telemetry.log_format import omit_origins
omit_origins()
logging.basicConfig(format="%(pathname)s,%(lineno)d,%(thread)s,%(message)s")
logging.warning("told")
"""


def test_logging_can_leave_out_where_an_event_was_made() -> None:
    """Its documentation names `_srcfile` and the flags for this: a stack is not walked for each line."""
    told = subprocess.run([sys.executable, "-c", ORIGINS], capture_output=True, text=True, check=True)

    assert told.stderr.strip() == "(unknown file),0,None,told"
