"""Traces, as a collector receives them."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from asgi_lifespan import LifespanManager
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy.engine import URL

from app.main import create_app
from app.push.vapid import VapidKey
from app.settings import Settings
from tests.api.conftest import post, register
from tests.people import Person
from tests.processes import ROOT, WHISPER, program, whisper
from tests.push_service import PushService

pytestmark = pytest.mark.anyio


class Collector:
    """An OTLP receiver that keeps what it gets."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Span] = []

    async def receive(self, request: web.Request) -> web.Response:
        """Take one batch."""
        batch = ExportTraceServiceRequest.FromString(await request.read())
        for resource in batch.resource_spans:
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    """Run a collector."""
    found = Collector()
    application = web.Application()
    application.router.add_post("/v1/traces", found.receive)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    found.url = f"http://{host}:{port}"
    yield found
    await runner.cleanup()


def attributes(span: Span) -> dict[str, str | int]:
    """Return what a span tells."""
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def test_a_call_is_a_trace_from_request_to_push(
    settings: Settings, collector: Collector, push_service: PushService, alice: Person, bob: Person
) -> None:
    """With the database between them; each wait has its place and its time, and nothing secret."""
    traced = settings.model_copy(update={"otlp_endpoint": collector.url})
    browser = push_service.subscribe()
    async with (
        LifespanManager(create_app(traced)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        await register(client, bob, browser)
        await register(client, alice, push_service.subscribe())
        await post(client, alice.to("dial", bob))

    (call,) = [span for span in collector.spans if span.name == "POST /dial"]
    inside = [span for span in collector.spans if span.parent_span_id == call.span_id]
    assert [span.name for span in inside] == ["database find", "push trusted"]
    assert {span.trace_id for span in inside} == {call.trace_id}
    assert attributes(call)["http.response.status_code"] == 200
    assert (
        attributes(inside[-1]).items()
        >= {
            "server.address": "127.0.0.1",
            "http.response.status_code": 201,
            "whisper.fate": "accepted",
        }.items()
    )
    for span in inside:
        assert call.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= call.end_time_unix_nano
    told = str(collector.spans)
    assert not any(secret in told for secret in (bob.address.text, browser.endpoint, alice.encryption_key))


async def test_a_collector_that_is_away_holds_up_nothing(settings: Settings) -> None:
    """Calls are answered, and the server stops in time."""
    traced = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:1"})
    async with (
        LifespanManager(create_app(traced)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        assert (await client.get("/config")).status_code == 200
        began = time.monotonic()

    assert time.monotonic() - began < 5


def test_without_the_extra_there_is_no_start(tmp_path: Path) -> None:
    """One line says what to install."""
    (tmp_path / "opentelemetry").mkdir()  # takes the place of what is installed
    (tmp_path / "opentelemetry" / "__init__.py").touch()
    env = {"WHISPER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    status, printed = whisper("serve", cwd=tmp_path, env=env)

    assert status == 1
    (line,) = printed.splitlines()
    assert "WHISPER_OTLP_ENDPOINT: OpenTelemetry is not installed: `make install EXTRAS=tracing`" in line


def test_without_the_setting_nothing_of_it_is_loaded(migrated: URL, tmp_path: Path) -> None:
    """A server without traces needs no extra."""
    (tmp_path / "opentelemetry" / "sdk").mkdir(parents=True)
    (tmp_path / "opentelemetry" / "sdk" / "__init__.py").write_text("raise RuntimeError('it is loaded')")

    url = migrated.render_as_string(hide_password=False)
    env = {
        "WHISPER_DATABASE_URL": url,
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
    }

    with program(WHISPER, "serve", "--port", "0", cwd=tmp_path, env=env) as server:
        server.wait_for("Open http")

    assert "it is loaded" not in server.output
