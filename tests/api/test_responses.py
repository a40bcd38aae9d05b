"""Endpoints beside the calls, for clients and operators, and the form of every answer."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator

import httpx
import pytest
from asgi_lifespan import LifespanManager
from starlette.requests import ClientDisconnect

from app.api.body import read_body
from app.main import create_app
from app.protocol.constants import MAX_BODY_BYTES
from app.settings import Settings
from app.telemetry.request_log import FIELDS
from tests.api.conftest import FaultyClock, post, register
from tests.conftest import serving
from tests.people import Person, body, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio


async def test_the_config_has_what_a_client_needs(client: httpx.AsyncClient, settings: Settings) -> None:
    """The VAPID key, the ICE servers, the limits and the time."""
    config = (await client.get("/config")).json()

    assert config["vapid_public_key"] == settings.require_vapid().newest.key.public_text
    assert config["ice_servers"] == []
    assert config["limits"] == {
        "clock_window_ms": 5000,
        "body_bytes": 8192,
        "push_plaintext_bytes": 3993,
        "subscription_life_ms": 15552000000,
    }
    assert abs(config["timestamp"] - now_ms()) < 1000


@pytest.fixture
async def turning(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Serve with a STUN and a TURN server, and yield a client."""
    servers = {
        "ice_servers": ("stun:a.org", "turn:b.org"),
        "turn_secret": Settings(turn_secret="s").turn_secret,
    }
    async with serving(settings.model_copy(update=servers)) as opened:
        yield opened


async def test_turn_credentials_are_those_that_coturn_takes(
    turning: httpx.AsyncClient, alice: Person, push_service: PushService
) -> None:
    """A user name that says when it expires, within an hour, and its HMAC-SHA1 under the shared secret."""
    await register(turning, alice, push_service.subscribe())
    answer = (await post(turning, alice.update(sent_at=now_ms()))).json()
    stun, turn = answer["ice_servers"]

    assert stun == {"urls": ["stun:a.org"]}
    assert turn["urls"] == ["turn:b.org"]
    expires_s = int(turn["username"].partition(":")[0])
    assert 0 < expires_s - now_ms() / 1000 <= 60 * 60
    expected = hmac.new(b"s", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == b64encode(expected).decode()


async def test_each_address_has_a_turn_user_of_its_own(
    turning: httpx.AsyncClient, alice: Person, bob: Person, push_service: PushService
) -> None:
    """Quotas count by it, and it does not tell the address."""
    answers = []
    for person in (alice, bob):
        browser = push_service.subscribe()
        subscription = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
        answers.append((await post(turning, person.update(subscription))).json())
    users = [answer["ice_servers"][1]["username"].partition(":")[2] for answer in answers]

    assert len(set(users)) == 2
    assert alice.address.text not in str(answers[0])


async def test_turn_credentials_are_for_nobody_else(
    turning: httpx.AsyncClient, alice: Person, bob: Person, push_service: PushService
) -> None:
    """Not without a signature, a registration, or a time; and no other call is answered with them."""
    await register(turning, bob, push_service.subscribe())
    config = (await turning.get("/config")).json()
    unregistered = (await post(turning, alice.update(sent_at=now_ms()))).json()
    timeless = (await post(turning, bob.update())).json()
    dialled = (await post(turning, alice.to("dial", bob))).json()

    assert (config["ice_servers"], config["turn"]) == ([{"urls": ["stun:a.org"]}], True)
    assert [set(each) for each in (unregistered, timeless, dialled)] == [{"ok", "timestamp"}] * 3


async def test_without_a_turn_server_an_update_is_answered_without_credentials(
    client: httpx.AsyncClient, alice: Person, push_service: PushService
) -> None:
    """It tells of the devices alone."""
    await register(client, alice, push_service.subscribe())
    answer = (await post(client, alice.update(sent_at=now_ms()))).json()

    assert set(answer) == {"ok", "timestamp", "devices"}
    assert (await client.get("/config")).json()["turn"] is False


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_healthy_server_says_so(client: httpx.AsyncClient, path: str) -> None:
    """The process runs, and calls can be served; nothing of calls is in the answer."""
    response = await client.get(path)

    assert (response.status_code, response.json()["ok"]) == (200, True)
    assert set(response.json()) == {"ok", "timestamp"}


async def test_a_server_without_its_database_lives_but_is_not_ready(settings: Settings) -> None:
    """It tells an orchestrator to wait, not to kill it."""
    away = settings.model_copy(
        update={"database_url": Settings(database_url="postgresql://127.0.0.1:1/calls").database_url}
    )
    async with (
        LifespanManager(create_app(away)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        alive, ready = await client.get("/livez"), await client.get("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json()["code"] == "database_unavailable"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/OFFER", 404, "not_found"),
        ("POST", "/offer/", 404, "not_found"),
        ("GET", "/dial", 405, "method_not_allowed"),
        ("DELETE", "/config", 405, "method_not_allowed"),
        ("FOO", "/dial", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_said_in_the_same_form(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    """Every answer is JSON with the server's time."""
    response = await client.request(method, path)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert abs(response.json()["timestamp"] - now_ms()) < 1000
    assert ("allow" in response.headers) == (status == 405)


@pytest.mark.parametrize("content", [b"", b"null", b"{}", b"\xff", b"[" * 8000, b'{"a":NaN}'], ids=repr)
@pytest.mark.parametrize("path", ["/update", "/dial", "/api/v1/call"])
async def test_what_is_no_call_is_refused(client: httpx.AsyncClient, path: str, content: bytes) -> None:
    """Never a failure of the server, always a documented refusal."""
    response = await client.post(path, content=content)

    assert response.status_code == 400
    assert response.json()["code"] in ("not_json", "not_a_call")


async def test_every_fault_is_named(client: httpx.AsyncClient, alice: Person) -> None:
    """A developer sees all that is wrong at once, by its place."""
    data = {"a": "short", "b": "5", "c": alice.address.text, "d": "A" * 43 + "=", "e": "%"}

    response = await client.post("/offer", content=body({"a": "offer", "b": data, "c": "x"}))

    assert response.json()["code"] == "invalid_call"
    assert [error.partition(":")[0] for error in response.json()["errors"]] == [
        "b.a",
        "b.b",
        "b.d",
        "b.e",
        "c",
    ]


async def test_a_body_over_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    """The answer says by how much, and the connection is not kept."""
    response = await client.post("/dial", content=b" " * (MAX_BODY_BYTES + 7))

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert "7 bytes over" in response.json()["reason"]
    assert response.headers["connection"] == "close"


async def test_a_body_without_a_length_is_cut_at_the_limit(client: httpx.AsyncClient) -> None:
    """Chunks are counted as they come."""
    sent = 0

    async def chunks() -> object:
        nonlocal sent
        for _ in range(1000):
            sent += 1024
            yield b" " * 1024

    response = await client.post("/dial", content=chunks())  # type: ignore[arg-type]

    assert response.json()["code"] == "body_too_large"
    assert sent <= MAX_BODY_BYTES + 2048


async def test_a_length_of_absurd_length_is_too_large(client: httpx.AsyncClient) -> None:
    """It is not even read as a number."""
    length = {"Content-Length": "0" * 5000 + "2"}

    response = await client.post("/dial", content=b"{}", headers=length)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_a_client_that_leaves_in_the_middle_is_no_fault_of_the_server() -> None:
    """What it sent so far is no call."""

    async def gone() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await read_body({"type": "http", "headers": [], FIELDS: {}}, gone)


async def test_a_compressed_body_is_not_inflated(client: httpx.AsyncClient) -> None:
    """A request is taken as it is, or not at all."""
    response = await client.post("/dial", content=b"{}", headers={"Content-Encoding": "gzip"})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_encoding")


async def test_a_body_that_is_also_compressed_is_refused(client: httpx.AsyncClient) -> None:
    """Each Content-Encoding counts (RFC 9110, section 8.4), whatever the others say."""
    headers = [("Content-Encoding", "gzip"), ("Content-Encoding", "identity")]
    for each in (headers, headers[::-1]):
        response = await client.post("/dial", content=b"{}", headers=each)

        assert (response.status_code, response.json()["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/cbor"])
async def test_the_content_type_does_not_matter(
    client: httpx.AsyncClient, alice: Person, content_type: str
) -> None:
    """A beacon sends text/plain, to be spared the preflight."""
    response = await client.post(
        "/update", content=body(alice.update()), headers={"Content-Type": content_type}
    )

    assert response.status_code == 200


async def test_a_browser_app_elsewhere_may_call(client: httpx.AsyncClient) -> None:
    """The preflight of a beacon with JSON: its origin echoed, credentials and content type allowed."""
    response = await client.options(
        "/close",
        headers={
            "Origin": "https://app.example.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://app.example.org"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert "content-type" in response.headers["access-control-allow-headers"].lower()


async def test_a_browser_app_elsewhere_can_read_a_refusal(client: httpx.AsyncClient) -> None:
    """A refusal carries the CORS headers too, or a page could not set its clock by it."""
    response = await client.post("/dial", content=b"", headers={"Origin": "https://app.example.org"})

    assert response.headers["access-control-allow-origin"] == "https://app.example.org"
    assert response.headers["vary"] == "Origin"
    assert "Retry-After" in response.headers["access-control-expose-headers"]


async def test_an_operator_may_name_the_origins(settings: Settings) -> None:
    """Then another origin's page can't read the answers."""
    named = settings.model_copy(update={"cors_origins": ("https://mine.example.org",)})
    async with (
        LifespanManager(create_app(named)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        mine = await client.get("/config", headers={"Origin": "https://mine.example.org"})
        other = await client.get("/config", headers={"Origin": "https://other.example.org"})

    assert mine.headers["access-control-allow-origin"] == "https://mine.example.org"
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("site", "origin", "status"),
    [
        ("cross-site", "https://evil.example.net", 403),
        ("same-site", "https://evil.example.org", 403),
        ("cross-site", "null", 403),
        ("cross-site", "https://mine.example.org", 401),
        ("same-origin", "https://whisper.example.org", 401),
        (None, "https://evil.example.net", 401),
    ],
)
async def test_a_page_of_another_origin_counts_for_nobody(
    settings: Settings, site: str | None, origin: str, status: int
) -> None:
    """A call as text needs no preflight; before it can reach a limit of the visitor's, it is refused."""
    named = settings.model_copy(update={"cors_origins": ("https://mine.example.org",)})
    forged = body(Person().to("dial", Person()) | {"c": Person().sign(b"anything")})
    headers = {"Origin": origin, "Content-Type": "text/plain"} | ({"Sec-Fetch-Site": site} if site else {})
    async with serving(named) as client:
        response = await client.post("/dial", content=forged, headers=headers)

    assert response.status_code == status
    assert (response.json()["code"] == "origin_not_allowed") == (status == 403)


@pytest.mark.parametrize(("method", "path"), [("GET", "/config"), ("POST", "/dial")])
async def test_a_fault_of_the_server_tells_nothing(settings: Settings, method: str, path: str) -> None:
    """An exception nobody foresaw is one plain answer."""
    clock = FaultyClock()
    async with serving(settings, clock) as client:
        clock.fault = RuntimeError("a secret")
        response = await client.request(method, path, content=b"{}")

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text
