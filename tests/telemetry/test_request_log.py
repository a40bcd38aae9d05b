"""Request log: metrics, and a line for each request."""

import asyncio
import json
import logging
import re

import httpx
import pytest
from sqlalchemy.engine import URL

from app.protocol.errors import Refused
from app.protocol.messages import METHODS
from app.push.outcome import Attempt, outcome_of
from app.telemetry.log_format import ConsoleLine, JsonLine, Stderr
from app.telemetry.metrics import Metrics
from tests.api.conftest import Registered, post
from tests.databases import locked
from tests.metrics import Samples, measured
from tests.people import Person
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

SERVICES = {"google", "mozilla", "apple", "microsoft", "trusted", "other"}


def fields_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """Return the fields of each request's line."""
    return [vars(record)["fields"] for record in caplog.records if record.name == "app.telemetry.request_log"]


async def test_a_call_is_counted_by_method_and_outcome(
    client: httpx.AsyncClient, registered: Registered, alice: Person
) -> None:
    """Well or refused; what never became a call is counted as one that could not be read."""
    await post(client, alice.to("dial", registered.person))
    await post(client, alice.to("offer", Person()))
    await client.post("/api/v1/call", content=b"junk")

    found = await measured(client)

    assert found["whisper_calls_total", "update", "ok"] == 1
    assert found["whisper_calls_total", "dial", "ok"] == 1
    assert found["whisper_calls_total", "offer", "unknown_recipient"] == 1
    assert found["whisper_calls_total", "unknown", "not_json"] == 1
    assert found["whisper_call_duration_seconds_count", "dial"] == 1


async def test_a_push_is_counted_by_service_and_status(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """Each attempt, with the time it took and the age of its token."""
    push_service.script([{"status": 503}, {}])

    await post(client, alice.to("dial", registered.person))
    found = await measured(client)

    assert found["whisper_push_total", "trusted", "503"] == 1
    assert found["whisper_push_total", "trusted", "201"] == 1
    assert found["whisper_push_duration_seconds_count", "trusted"] == 2
    assert 0 <= found["whisper_vapid_token_age_seconds", "trusted"] < 60


async def test_statements_and_limits_are_counted(
    client: httpx.AsyncClient, registered: Registered, alice: Person
) -> None:
    """By the few names they have."""
    for _ in range(6):
        await post(client, alice.to("dial", registered.person, d=Person().encryption_key))
    found = await measured(client)

    assert found["whisper_limit_hits_total", "dial"] == 1
    assert found["whisper_database_seconds_count", "remember"] == 1  # the device, and the newest, in one
    assert found["whisper_database_seconds_count", "find"] >= 6


def in_flight(found: Samples) -> dict[str, float]:
    """Return by what places are held, and how many."""
    return {key[1]: value for key, value in found.items() if key[0] == "whisper_in_flight" and value}


async def test_who_asks_for_readiness_at_once_shares_a_check(client: httpx.AsyncClient) -> None:
    """Anybody may ask, without a signature or a limit: a flood of questions leaves the database alone."""
    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
    together = (await measured(client))["whisper_database_seconds_count", "check"]
    await client.get("/readyz")
    later = (await measured(client))["whisper_database_seconds_count", "check"]

    assert {answer.status_code for answer in answers} == {200}
    assert later == 2 * together


async def test_calls_in_flight_are_told(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """As many as are being carried now, by what they wait for, and none of them later."""
    push_service.script([{"delay": 0.5}])
    dialling = asyncio.create_task(post(client, alice.to("dial", registered.person)))
    async with asyncio.timeout(5):
        while not push_service.received:
            await asyncio.sleep(0.01)

    during = await measured(client)
    await dialling
    after = await measured(client)

    assert in_flight(during) == {"trusted": 1}
    assert in_flight(after) == {}
    assert after["whisper_in_flight_limit",] == 1024


async def test_a_database_that_hangs_holds_calls(
    client: httpx.AsyncClient, registered: Registered, alice: Person, migrated: URL
) -> None:
    """An operator sees which of the two it is."""
    async with locked(migrated):
        dialling = asyncio.create_task(post(client, alice.to("dial", registered.person)))
        async with asyncio.timeout(5):
            while not (during := in_flight(await measured(client))):
                await asyncio.sleep(0.01)
    await dialling

    assert during == {"database": 1}


async def test_no_label_is_made_from_what_somebody_sent(
    client: httpx.AsyncClient, registered: Registered, push_service: PushService
) -> None:
    """Whatever they send, names are of a fixed few."""
    push_service.script([{"status": status} for status in range(400, 600)])
    for number in range(30):
        await client.post(f"/x{number}", content=b"x")
        await client.post("/api/v1/call", content=json.dumps({"a": f"x{number}", "b": {}, "c": ""}))
        await post(client, Person().to("ice", registered.person), "/dial")
        await post(client, Person().to("ice", registered.person))
        await client.request("GET", f"/dial?x{number}", headers={"Origin": f"https://x{number}.org"})

    found = await measured(client)

    codes = {kind.code for kind in Refused.__subclasses__()} | {"ok", "aborted"}
    calls = [key[1:] for key in found if key[0] == "whisper_calls_total"]
    assert {method for method, _ in calls} <= {*METHODS, "unknown"}
    assert {code for _, code in calls} <= codes
    assert {key[1] for key in found if key[0] == "whisper_push_total"} <= SERVICES


def test_statuses_that_a_stranger_makes_up_are_told_by_their_hundred() -> None:
    """A push service may answer anything; the label takes few values."""
    metrics = Metrics("1", 1)
    for status in range(100, 1000):
        metrics.record_push(Attempt("other", "push.example.org", outcome_of(status, None, now=0), 0.1))

    told = set(
        re.findall(r'whisper_push_total\{service="other",status="(\w+)"\}', metrics.exposition().decode())
    )

    assert told >= {"201", "410", "1xx", "4xx", "9xx"}
    assert len(told) < 30


async def test_each_request_is_one_line(
    client: httpx.AsyncClient, registered: Registered, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """It tells what was asked, what became of it, and which push service took it."""
    caplog.set_level(logging.INFO, "app.telemetry.request_log")

    response = await post(client, alice.to("dial", registered.person))

    (line,) = fields_of(caplog)
    took = line.pop("ms")
    assert line == {
        "id": response.headers["x-request-id"],
        "http": "POST",
        "path": "/dial",
        "status": 200,
        "code": "ok",
        "method": "dial",
        "push_host": "127.0.0.1",
        "push_status": 201,
        "pushes": 1,
    }
    assert isinstance(took, float)


async def test_a_refused_request_says_why(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A path that is not there is not repeated: it may hold anything."""
    caplog.set_level(logging.INFO, "app.telemetry.request_log")

    await client.post("/api/v1/call", content=b"{}")
    await client.get("/my-secret?and=more")

    told = [(line["path"], line["status"], line["code"]) for line in fields_of(caplog)]
    assert told == [("/api/v1/call", 400, "not_a_call"), ("-", 404, "not_found")]


async def test_health_is_asked_too_often_to_be_told(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Except to those who want every detail."""
    caplog.set_level(logging.INFO, "app.telemetry.request_log")
    for path in ("/livez", "/readyz"):
        await client.get(path)
    await measured(client)
    quiet = fields_of(caplog)
    caplog.set_level(logging.DEBUG, "app.telemetry.request_log")
    await client.get("/livez")

    assert (quiet, len(fields_of(caplog))) == ([], 1)


@pytest.mark.parametrize("given", ["7", "9f86d081-884c-7d65", "A" * 64])
async def test_the_id_of_a_proxy_is_kept(client: httpx.AsyncClient, given: str) -> None:
    """One request is one id, wherever it is logged."""
    response = await client.get("/config", headers={"X-Request-ID": given})

    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "-", "A" * 65, 'a"b', "a b", "a=b", "\u00e4"])
async def test_any_other_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    """Nobody writes into the log what they like."""
    response = await client.get("/config", headers=[(b"X-Request-ID", given.encode())])

    assert re.fullmatch(r"[0-9a-f]{16}", response.headers["x-request-id"])


async def test_two_requests_have_two_ids(client: httpx.AsyncClient) -> None:
    """Refusals too."""
    ids = [(await client.get(path)).headers["x-request-id"] for path in ("/livez", "/nowhere", "/dial")]

    assert len(set(ids)) == 3


def record(**changes: object) -> logging.LogRecord:
    """Return an event with fields."""
    return logging.makeLogRecord(
        {
            "name": "app.x",
            "levelname": "INFO",
            "msg": "it %s",
            "args": ("is",),
            "created": 1.5,
            "msecs": 500.0,
        }
        | {"fields": {"id": "7", "ms": 1.5}}
        | changes
    )


def test_a_line_for_programs_is_json() -> None:
    """One object, with the fields among its members."""
    assert json.loads(JsonLine().format(record())) == {
        "time": "1970-01-01T00:00:01.500Z",
        "level": "INFO",
        "logger": "app.x",
        "message": "it is",
        "id": "7",
        "ms": 1.5,
    }


def test_a_line_for_people_ends_with_the_fields() -> None:
    """As they are named."""
    assert ConsoleLine().format(record()).endswith("INFO app.x: it is id=7 ms=1.5")


def test_a_line_is_written_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    """One that can't be written is told in its place, and stops nobody."""
    stderr = Stderr()
    stderr.setFormatter(ConsoleLine())

    stderr.handle(record(args=("is", "too many")))
    stderr.handle(record())

    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "--- Logging error ---"
    assert last.endswith("it is id=7 ms=1.5")


@pytest.mark.parametrize("form", [JsonLine(), ConsoleLine()], ids=["json", "console"])
def test_a_traceback_is_told(form: logging.Formatter) -> None:
    """In JSON on the same line."""
    try:
        raise RuntimeError("nobody foresaw this")
    except RuntimeError as error:
        told = form.format(record(exc_info=(type(error), error, error.__traceback__)))

    assert "nobody foresaw this" in told
    assert isinstance(form, ConsoleLine) or "\n" not in told


async def test_a_client_that_does_not_wait_is_told_of(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """A call that was given up is counted as such, and is in flight no more."""
    push_service.script([{"hang": "head"}])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await post(client, alice.to("dial", registered.person))

    found = await measured(client)
    assert (found["whisper_calls_total", "dial", "aborted"], in_flight(found)) == (1, {})
