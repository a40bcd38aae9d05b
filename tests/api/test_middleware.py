"""Middleware around every request: security headers, CORS, and the limit of requests in flight."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from asgi_lifespan import LifespanManager

from app.main import create_app
from app.settings import Settings
from tests.api.conftest import FaultyClock, Registered, post, register
from tests.people import Person, body, now_ms
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

ORIGIN = {"Origin": "https://app.example.org"}
PREFLIGHT = ORIGIN | {"Access-Control-Request-Method": "POST"}
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
ROOM = 3


@pytest.fixture
def clock() -> FaultyClock:
    """Return the server's clock, which may have a fault."""
    return FaultyClock()


@pytest.fixture
async def client(settings: Settings, clock: FaultyClock) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an application with room for three, and without pages."""
    app = create_app(settings.model_copy(update={"max_in_flight": ROOM, "web_app": False}), clock)
    async with (
        LifespanManager(app) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as opened,
    ):
        yield opened


@pytest.fixture
async def registered(client: httpx.AsyncClient, bob: Person, push_service: PushService) -> Registered:
    """Return Bob, whose push service takes its time."""
    found = await register(client, bob, push_service.subscribe())
    push_service.script([{"delay": 1, "forever": True}])
    return found


@asynccontextmanager
async def filled(
    client: httpx.AsyncClient, registered: Registered, push_service: PushService
) -> AsyncIterator[asyncio.Future[list[httpx.Response]]]:
    """Keep as many calls in flight as there is room for; yield what their answers will be."""
    calls = [Person().to("dial", registered.person) for _ in range(ROOM)]
    answers = asyncio.gather(*(post(client, call) for call in calls))
    async with asyncio.timeout(5):
        while len(push_service.received) < ROOM:
            await asyncio.sleep(0.01)
    yield answers
    await answers


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/config", b"", 200),
        ("GET", "/livez", b"", 200),
        ("GET", "/openapi.json", b"", 200),
        ("GET", "/", b"", 307),
        ("POST", "/dial", b"", 400),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/dial", b"", 405),
        ("POST", "/dial", b" " * 9000, 413),
        ("POST", "/dial", b'{"a":"dial","b":{},"c":""}', 422),
    ],
)
@pytest.mark.parametrize("headers", [{}, ORIGIN], ids=["", "a page elsewhere"])
async def test_every_answer_has_the_headers(
    client: httpx.AsyncClient, method: str, path: str, content: bytes, status: int, headers: dict[str, str]
) -> None:
    """Whatever it is, a browser must not run, frame, guess or keep it."""
    response = await client.request(method, path, content=content, headers=headers)

    assert response.status_code == status
    assert {name: response.headers.get_list(name) for name in HEADERS} == {
        name: [value] for name, value in HEADERS.items()
    }


@pytest.mark.parametrize("origin", ["https://app.example.org", "null"])
async def test_a_preflight_has_the_headers_too(client: httpx.AsyncClient, origin: str) -> None:
    """It is an answer like others."""
    response = await client.options("/dial", headers=PREFLIGHT | {"Origin": origin})

    assert response.status_code == 200
    assert response.headers.items() >= HEADERS.items()


@pytest.mark.parametrize(("method", "path"), [("GET", "/config"), ("HEAD", "/config"), ("POST", "/dial")])
async def test_a_fault_of_the_server_is_a_refusal_like_others(
    client: httpx.AsyncClient, clock: FaultyClock, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    """With all the headers, those of CORS included; it is logged once, with its traceback."""
    clock.fault = RuntimeError("nobody foresaw this")
    response = await client.request(method, path, content=b"{}", headers=ORIGIN)

    assert response.status_code == 500
    assert response.headers.items() >= HEADERS.items()
    assert response.headers.get("access-control-allow-origin") == "https://app.example.org"
    (record,) = [record for record in caplog.records if record.exc_info]
    assert (record.name, record.message) == ("app.api.error_handling", "a request failed")


async def test_the_documentation_runs_only_what_is_ours_in_an_origin_of_its_own(
    client: httpx.AsyncClient,
) -> None:
    """No inline script, no other host, nothing to ask of a server, nothing that the app keeps."""
    page = await client.get("/docs")

    policy = dict(part.partition(" ")[::2] for part in page.headers["content-security-policy"].split("; "))
    assert policy.pop("sandbox") == "allow-scripts"
    assert (policy.pop("default-src"), policy.pop("frame-ancestors")) == ("'none'", "'none'")
    assert set(" ".join(policy.values()).split()) <= {"'none'", "'self'", "data:"}
    assert re.findall(r"<script(?! src=)|https?:|//", page.text) == []
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {(await client.get(f"/{name}")).status_code for name in named} == {200}
    assert page.headers.items() >= {"x-frame-options": "DENY", "x-content-type-options": "nosniff"}.items()


async def test_beyond_its_room_a_server_says_come_again(
    client: httpx.AsyncClient, registered: Registered, push_service: PushService, alice: Person
) -> None:
    """The refusal is told at once, with a time to wait and all the headers."""
    async with filled(client, registered, push_service), asyncio.timeout(5):
        refused = await client.post(
            "/dial", content=body(alice.to("dial", registered.person)), headers=ORIGIN
        )

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "1"
    assert abs(refused.json()["timestamp"] - now_ms()) < 5000
    assert refused.headers.items() >= HEADERS.items()
    assert refused.headers["access-control-allow-origin"] == "https://app.example.org"
    assert len(push_service.received) == ROOM


async def test_a_full_server_says_so_once_and_not_for_every_call(
    client: httpx.AsyncClient,
    registered: Registered,
    push_service: PushService,
    alice: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One warning; the lines of what it refuses are for `DEBUG`."""
    caplog.set_level(logging.INFO, "app.telemetry.request_log")
    async with filled(client, registered, push_service):
        for _ in range(3):
            await post(client, alice.to("dial", registered.person))
        (told,) = [record for record in caplog.records if record.name == "app.telemetry.request_log"]

    assert (told.levelname, "WHISPER_MAX_IN_FLIGHT" in told.getMessage()) == ("WARNING", True)


async def test_what_is_in_flight_is_served_and_then_there_is_room_again(
    client: httpx.AsyncClient, registered: Registered, push_service: PushService, alice: Person
) -> None:
    """Nobody who was let in is put out, and whoever comes again is let in."""
    dial = alice.to("dial", registered.person)
    async with filled(client, registered, push_service) as answers:
        await asyncio.gather(*(post(client, dial) for _ in range(20)))

    assert {answer.status_code for answer in await answers} == {200}
    assert (await post(client, dial)).status_code == 200
    assert len(registered.pushed) == ROOM + 1


async def test_health_is_told_when_there_is_no_room(
    client: httpx.AsyncClient, registered: Registered, push_service: PushService
) -> None:
    """Or an orchestrator would kill a server that has much to do."""
    async with filled(client, registered, push_service), asyncio.timeout(5):
        health = [(await client.get(path)).status_code for path in ("/livez", "/readyz")]
        other = await client.post("/dial", content=b"{}")

    assert (health, other.status_code) == ([200, 200], 503)


async def test_a_preflight_is_answered_when_there_is_no_room(
    client: httpx.AsyncClient, registered: Registered, push_service: PushService
) -> None:
    """Or a page could not read that it should come again."""
    async with filled(client, registered, push_service), asyncio.timeout(5):
        response = await client.options("/dial", headers=PREFLIGHT)

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", "/dial", "/docs"])
async def test_a_request_leaves_its_room_however_it_ends(client: httpx.AsyncClient, path: str) -> None:
    """Refusals too, or they would fill the server for good."""
    before = {(await client.get(path)).status_code for _ in range(ROOM + 1)}

    assert 503 not in before
    assert (await client.get("/config")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/readyz", 200), ("/config", 200), ("/docs", 200), ("/dial", 405), ("/nowhere", 404)],
)
async def test_a_head_is_a_get_without_its_body(client: httpx.AsyncClient, path: str, status: int) -> None:
    """As a monitor asks it, with the headers that GET has."""
    asked, got = await client.head(path), await client.get(path)

    assert (asked.status_code, got.status_code, asked.content) == (status, status, b"")
    assert got.content
    assert asked.headers.keys() == got.headers.keys()


@pytest.mark.parametrize(("fault", "status"), [(None, 200), (RuntimeError("nobody foresaw this"), 500)])
async def test_a_head_is_logged_as_what_it_is(
    client: httpx.AsyncClient,
    clock: FaultyClock,
    caplog: pytest.LogCaptureFixture,
    fault: Exception | None,
    status: int,
) -> None:
    """With its path, be it answered or not."""
    caplog.set_level(logging.INFO, "app.telemetry.request_log")
    clock.fault = fault
    await client.head("/config")

    (line,) = [vars(record)["fields"] for record in caplog.records if record.message == "request"]
    assert (line["http"], line["path"], line["status"]) == ("HEAD", "/config", status)


@pytest.mark.parametrize(
    "asks",
    [
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-Mine"},
    ],
    ids=["method", "header"],
)
async def test_a_refused_preflight_is_a_refusal_like_others(
    client: httpx.AsyncClient, asks: dict[str, str]
) -> None:
    """In the one form, and without what would allow the page to go on."""
    refused = await client.options("/dial", headers=ORIGIN | asks)

    assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in refused.headers
    assert refused.headers["vary"] == "Origin"


async def test_an_origin_that_may_not_call_is_told(settings: Settings) -> None:
    """Whoever builds the page sees why."""
    app = create_app(settings.model_copy(update={"cors_origins": ("https://mine.example.org",)}))
    async with (
        LifespanManager(app) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        refused = await client.options("/dial", headers=PREFLIGHT)
        allowed = await client.options("/dial", headers=PREFLIGHT | {"Origin": "https://mine.example.org"})

    assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
    assert allowed.status_code == 200
