"""Endpoint validation and SSRF protection: the server sends to push services only."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import Row, text
from sqlalchemy.engine import URL

from app.push.deadlines import PRODUCTION, Deadlines
from app.store.database import Database
from app.store.subscriptions import Subscriptions
from tests.deadlines import SHORT
from tests.hostile.environment import ROWS
from tests.hostile.fake_internet import Internet, Names, PushReceiver, post, settings_for, update, whisper
from tests.people import Person, now_ms
from tests.vector_files import subscription_at, vectors

pytestmark = pytest.mark.anyio

Case = dict[str, Any]

SSRF = vectors("ssrf.json")
MODES = ["browsers", "public"]
VERDICTS = {"reject_update", "deliver", "refuse_connect"}
HONEST = "https://fcm.googleapis.com/fcm/send/honest"
OWN_NAMES = {host: found for case in SSRF["cases"] for host, found in case.get("dns", {}).items()}
NAMES: Names = {**OWN_NAMES, **SSRF["dns"]}
HUNG = 40  # look-ups at once: more than there are threads for


@dataclass(frozen=True)
class Environment:
    """A server that runs in one mode, and the Internet that it sees."""

    client: httpx.AsyncClient
    internet: Internet


@asynccontextmanager
async def opened(
    database: URL, mode: str, names: Names, deadlines: Deadlines = PRODUCTION
) -> AsyncIterator[Environment]:
    """Run a server that knows nothing yet: no address, no connection."""
    async with (
        Internet.running(names) as internet,
        whisper(settings_for(database, mode), internet.network, deadlines=deadlines) as client,
    ):
        yield Environment(client, internet)


@pytest.fixture(scope="module")
async def worlds(migrated: URL) -> AsyncIterator[dict[str, Environment]]:
    """Run a server in each mode."""
    async with opened(migrated, "browsers", NAMES) as browsers, opened(migrated, "public", NAMES) as public:
        yield {"browsers": browsers, "public": public}


@pytest.fixture
async def environment(
    mode: str, case: Case, worlds: dict[str, Environment], migrated: URL, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Environment]:
    """Return a server in *mode*: one of its own where *case* moves a name that others use."""
    caplog.set_level(logging.DEBUG)
    if case.get("dns", {}).keys() & SSRF["dns"].keys():
        async with opened(migrated, mode, {**NAMES, **case["dns"]}, SHORT) as fresh:
            yield fresh
    else:
        worlds[mode].internet.forget()
        yield worlds[mode]


def cases(verdict: str, *, but: Sequence[str] = ()) -> list[Any]:
    """Return a mode and a case for each *verdict*."""
    return [
        pytest.param(mode, case, id=f"{mode} {case['id']}")
        for mode in MODES
        for case in SSRF["cases"]
        if case[mode] == verdict and case["id"] not in but
    ]


def case_of(name: str) -> Case:
    """Return the case with this id."""
    (found,) = [case for case in SSRF["cases"] if case["id"] == name]
    return dict(found)


def url_of(case: Case) -> Any:  # noqa: ANN401 - another JSON value, in some cases
    """Return the endpoint of a case: text, lengthened text, or another JSON value."""
    if case["url"] is None:
        return case["json_value"]
    if isinstance(case["url"], dict):
        return case["url"]["prefix"].ljust(case["url"]["total"], case["url"]["repeat"])
    return case["url"]


async def rows(database: Database) -> Sequence[Row[Any]]:
    """Return all that is stored."""
    return await database.fetch(text(ROWS))


def told(caller: httpx.Response, url: object) -> list[str]:
    """Return the parts of an endpoint that *caller* was told, but for what any sentence may hold."""
    words = [str(url), *re.split("[/?#@ ]+", str(url))]
    return [word for word in words if len(word) > len("https:") and word in caller.text]


def logged(caplog: pytest.LogCaptureFixture, url: object) -> list[str]:
    """Return what is secret of an endpoint and was logged: all of it, or its path."""
    _, slash, path = str(url).partition("//")[2].partition("/")
    return [word for word in (str(url), slash + path) if len(word) > 1 and word in caplog.text]


async def dial(environment: Environment, bob: Person) -> httpx.Response:
    """Let somebody dial *bob*."""
    return await post(environment.client, Person().to("dial", bob))


async def register(environment: Environment, bob: Person, phone: PushReceiver, url: str) -> httpx.Response:
    """Register *bob*; where a code comes, with that code."""
    answer = await post(environment.client, update(bob, phone.at(url)))
    if answer.status_code == 403 and environment.internet.requests:
        code = phone.read(environment.internet.requests[-1])["data"]["b"]
        answer = await post(environment.client, update(bob, phone.at(url), code))
    return answer


def test_every_case_has_a_verdict_in_every_mode() -> None:
    """Nothing of the vectors is passed over: each is in one of the lists of this module."""
    assert {case[mode] for case in SSRF["cases"] for mode in MODES} == VERDICTS
    assert len(SSRF["cases"]) == 172


@pytest.mark.parametrize(("mode", "case"), cases("reject_update"))
async def test_a_hostile_endpoint_is_refused(
    environment: Environment,
    case: Case,
    database: Database,
    subscriptions: Subscriptions,
    bob: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Before any look-up; what Bob had stays, and nobody is told what he sent."""
    await subscriptions.upsert(bob.address, subscription_at(HONEST), None, now_ms())
    before = await rows(database)
    url = url_of(case)

    answer = await post(environment.client, update(bob, PushReceiver().at(url)))

    assert 400 <= answer.status_code < 500
    assert answer.json()["ok"] is False
    assert await rows(database) == before
    assert (environment.internet.look_ups, environment.internet.connected) == ({}, [])
    assert (told(answer, url), logged(caplog, url)) == ([], [])


@pytest.mark.parametrize(("mode", "case"), cases("deliver"))
@pytest.mark.usefixtures("database")
async def test_an_honest_endpoint_is_delivered_to(
    environment: Environment, case: Case, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """At its own addresses, by its own name, with path and query as they are; what is strange is proven."""
    phone, url, internet = PushReceiver(), url_of(case), environment.internet
    host = url.split("/")[2]
    strange = case["browsers"] == "reject_update"
    if strange:
        first = await post(environment.client, update(bob, phone.at(url)))
        assert (first.status_code, first.json()["code"]) == (403, "endpoint_unverified")

    codes = [phone.read(request)["data"] for request in internet.requests]
    answer = await post(environment.client, update(bob, phone.at(url), codes[0]["b"] if codes else None))
    dialled = await dial(environment, bob)

    assert (answer.status_code, dialled.status_code) == (200, 200)
    assert [data["a"] for data in codes] == ["verify"] * strange
    assert phone.read(internet.requests[-1])["data"]["a"] == "dial"
    assert [
        (request.name, request.headers["host"], request.method, f"https://{host}{request.target}")
        for request in internet.requests
    ] == [(host, host, "POST", url)] * (1 + strange)
    assert {address for address, _ in internet.connected} <= set(internet.names[host])
    assert logged(caplog, url) == []


UNTRUSTED = cases("refuse_connect", but=["dns-23", "dns-24", "dns-26", "dns-28", "dns-29"])
POISONED = [pytest.param(mode, case_of(name)) for mode in MODES for name in ("dns-28", "dns-29")]


@pytest.mark.parametrize(("mode", "case"), UNTRUSTED)
async def test_a_name_that_leads_inside_is_not_registered(
    environment: Environment, case: Case, database: Database, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """The message that would prove it is never sent."""
    answer = await register(environment, bob, PushReceiver(), case["url"])

    assert 400 <= answer.status_code < 500
    assert (await rows(database), environment.internet.connected) == ([], [])
    assert (told(answer, case["url"]), logged(caplog, case["url"])) == ([], [])


@pytest.mark.parametrize(("mode", "case"), UNTRUSTED)
async def test_a_name_that_leads_inside_later_is_not_sent_to(
    environment: Environment,
    case: Case,
    database: Database,
    subscriptions: Subscriptions,
    bob: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However honest it was when it was stored."""
    await subscriptions.upsert(bob.address, subscription_at(case["url"]), None, now_ms())
    before = await rows(database)

    answer = await dial(environment, bob)

    assert (answer.status_code, answer.json()["code"]) == (403, "endpoint_not_allowed")
    assert (await rows(database), environment.internet.connected) == (before, [])
    assert (told(answer, case["url"]), logged(caplog, case["url"])) == ([], [])


@pytest.mark.parametrize(("mode", "case"), POISONED)
@pytest.mark.usefixtures("database")
async def test_a_browsers_name_that_leads_inside_is_not_sent_to(
    environment: Environment, case: Case, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """DNS that is blocked, poisoned or split: the endpoint is above suspicion, but can't be reached here."""
    registered = await register(environment, bob, PushReceiver(), case["url"])

    dialled = [await dial(environment, bob) for _ in range(2)]

    assert registered.status_code == 200
    assert [(each.status_code, each.json()["code"]) for each in dialled] == [(502, "push_unreachable")] * 2
    assert environment.internet.connected == []
    assert len([each for each in caplog.records if "DNS is blocked" in each.message]) == 1
    assert (told(dialled[0], case["url"]), logged(caplog, case["url"])) == ([], [])


@pytest.mark.parametrize(("mode", "case"), [("public", case_of("dns-23"))])
@pytest.mark.usefixtures("database")
async def test_of_a_mixed_answer_only_the_public_address_may_be_connected(
    environment: Environment, case: Case, bob: Person
) -> None:
    """Or none at all."""
    registered = await register(environment, bob, PushReceiver(), case["url"])
    dialled = await dial(environment, bob)

    assert {address for address, _ in environment.internet.connected} <= {"93.184.215.14"}
    assert {registered.status_code, dialled.status_code} <= {200, 403, 404}


@pytest.mark.parametrize("case", [case_of("dns-24")])
@pytest.mark.usefixtures("database")
async def test_a_rebound_name_is_never_followed_inside(migrated: URL, case: Case, bob: Person) -> None:
    """First it is honest, and proven; the next connection is to whoever it leads to then."""
    settings, phone = settings_for(migrated, "public"), PushReceiver()
    async with Internet.running(case["dns"]) as internet, whisper(settings, internet.network) as client:
        registered = await register(Environment(client, internet), bob, phone, case["url"])
        later = await dial(Environment(client, internet), bob)

    assert (registered.status_code, later.status_code) == (200, 403)
    assert {address for address, _ in internet.connected} == {"93.184.215.14"}


async def test_a_name_that_hangs_ends_at_the_deadline(migrated: URL, database: Database, bob: Person) -> None:
    """The look-up goes on for half a minute; nobody waits for it."""
    case = case_of("dns-26")
    async with opened(migrated, "public", case["dns"], SHORT) as environment:
        environment.internet.slow = {*case["dns"]}
        began = time.monotonic()

        answer = await register(environment, bob, PushReceiver(), case["url"])

        seconds = time.monotonic() - began
    assert seconds < SHORT.total_s
    assert 400 <= answer.status_code < 600
    assert (await rows(database), environment.internet.connected) == ([], [])


@pytest.mark.usefixtures("database")
async def test_names_that_hang_hold_up_nobody_else(
    migrated: URL, subscriptions: Subscriptions, bob: Person
) -> None:
    """Strangers' names may all be slow: a browser's push service is reached while they are."""
    await subscriptions.upsert(bob.address, subscription_at(HONEST), None, now_ms())
    async with opened(migrated, "public", NAMES) as environment:
        names = [f"slow{number}.example.org" for number in range(HUNG)]
        environment.internet.slow = {*names}
        calls = [update(Person(), PushReceiver().at(f"https://{name}/x")) for name in names]
        strangers = [asyncio.create_task(post(environment.client, call)) for call in calls]
        await asyncio.sleep(0.3)  # all of them are looked up, or wait for it

        dialled = await dial(environment, bob)

        environment.internet.awake.set()
        await asyncio.gather(*strangers)
    assert dialled.status_code == 200
