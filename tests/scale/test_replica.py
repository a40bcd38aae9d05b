"""Read replica for recipient lookups: lagging, slow or unavailable, no call is lost."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest

from app.clocks import monotonic_clock
from app.doctor.report import examine
from app.push.vapid import VapidKey
from app.settings import Settings
from app.store.replica import PAUSE_MS
from tests.api.conftest import Registered, post, register
from tests.conftest import serving
from tests.faults.harness.cluster import Cluster
from tests.metrics import LISTEN, measured
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.scale.standby import Standby, standby
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def replica(steady_cluster: Cluster) -> Iterator[Standby]:
    """Run a replica."""
    with standby(steady_cluster) as running:
        yield running


@dataclass(frozen=True)
class Environment:
    """A server with a replica, and two people registered in both; *ahead* is added to its clock, ms."""

    client: httpx.AsyncClient
    cluster: Cluster
    database: str
    replica: Standby
    alice: Person
    bob: Registered
    ahead: list[int]

    async def dial(self, recipient: Person) -> httpx.Response:
        """Alice dials."""
        return await post(self.client, self.alice.to("dial", recipient, b=now_ms()))

    async def asked(self, statement: str) -> int:
        """Return how often this *statement* was asked."""
        return int((await measured(self.client)).get(("whisper_database_seconds_count", statement), 0))


@pytest.fixture
async def environment(
    steady_cluster: Cluster, replica: Standby, push_service: PushService
) -> AsyncIterator[Environment]:
    """Start a server on a database of its own."""
    database = steady_cluster.database()
    replica.catch_up(steady_cluster)
    settings = Settings(
        _env_file=None,
        database_url=steady_cluster.url(database),
        database_replica_url=replica.url(database),
        vapid_private_key=VapidKey.generate().private_text,
        vapid_subject="mailto:operator@example.org",
        push_endpoints=("browsers", push_service.origin),
        metrics_listen=LISTEN,
    )
    ahead = [0]
    async with serving(settings, monotonic_ms=lambda: monotonic_clock() + ahead[0]) as client:
        alice, bob = [await register(client, Person(), push_service.subscribe()) for _ in range(2)]
        replica.catch_up(steady_cluster)
        yield Environment(client, steady_cluster, database, replica, alice.person, bob, ahead)


async def test_a_recipient_is_looked_up_in_the_replica(environment: Environment) -> None:
    """The database is not asked at all."""
    before = await environment.asked("find")

    response = await environment.dial(environment.bob.person)

    assert response.status_code == 200
    assert (await environment.asked("find") - before, await environment.asked("find_replica")) == (0, 1)


async def test_who_registered_a_moment_ago_is_reached(
    environment: Environment, push_service: PushService
) -> None:
    """Also when the replica does not know them yet."""
    environment.replica.lag()
    carol = await register(environment.client, Person(), push_service.subscribe())

    response = await environment.dial(carol.person)

    assert (response.status_code, len(carol.pushed)) == (200, 1)


async def test_who_has_just_changed_their_browser_is_reached_there(
    environment: Environment, push_service: PushService
) -> None:
    """The replica's subscription is gone; that neither deletes nor hides the one that came after it."""
    environment.replica.lag()
    newer = await register(environment.client, environment.bob.person, push_service.subscribe())
    push_service.script(
        [{"status": 410, "forever": True}], environment.bob.browser.endpoint.rpartition("/")[2]
    )

    statuses = [(await environment.dial(environment.bob.person)).status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert (len(environment.bob.pushed), len(newer.pushed)) == (0, 2)


async def test_whose_subscription_is_gone_is_forgotten_in_the_database(
    environment: Environment, push_service: PushService
) -> None:
    """That they were found in the replica changes nothing."""
    push_service.script([{"status": 410, "forever": True}])

    response = await environment.dial(environment.bob.person)

    assert (response.status_code, response.json()["code"]) == (404, "recipient_gone")
    address = f"decode('{environment.bob.person.address.text}', 'base64')"
    query = f"SELECT 1 FROM subscription WHERE address = {address}"  # noqa: S608
    assert environment.cluster.sql(query, environment.database) == []


async def test_an_update_is_compared_in_the_database(environment: Environment) -> None:
    """A late replica lets nobody go back: the newer update has been seen."""
    browser = environment.bob.browser
    subscription = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
    now = now_ms()
    environment.replica.lag()
    await post(environment.client, environment.bob.person.update(None, sent_at=now))

    late = await post(environment.client, environment.bob.person.update(subscription, sent_at=now - 1))

    assert (late.status_code, late.json()["code"]) == (409, "stale_update")


async def test_a_replica_that_is_killed_is_done_without(environment: Environment) -> None:
    """No call fails; when it is back, and has had its rest, it is asked again."""
    environment.replica.kill()
    away = [(await environment.dial(Person())).status_code for _ in range(3)]
    away.append((await environment.dial(environment.bob.person)).status_code)
    environment.replica.start()
    environment.ahead[0] += PAUSE_MS
    before = await environment.asked("find")

    response = await environment.dial(environment.bob.person)

    assert (away, response.status_code) == ([404, 404, 404, 200], 200)
    assert await environment.asked("find") == before


async def test_a_replica_that_hangs_costs_one_call_a_moment(
    environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    """The first that asks waits 300 ms; the next ask the database at once."""
    await environment.dial(environment.bob.person)
    while "the replica does not serve" in caplog.text:  # a busy machine took longer than that to connect
        caplog.clear()
        environment.ahead[0] += PAUSE_MS
        await environment.dial(environment.bob.person)
    before = await environment.asked("find_replica")
    environment.replica.hang()
    try:
        statuses = [(await environment.dial(environment.bob.person)).status_code for _ in range(4)]
        asked = await environment.asked("find_replica")
    finally:
        environment.replica.go_on()

    assert statuses == [200] * 4
    assert asked == before + 1


async def test_the_doctor_looks_at_it(environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is away is something to mend."""
    url, name = environment.cluster.url(environment.database), environment.database
    settings = [
        Settings(_env_file=None, database_url=url, database_replica_url=place, push_endpoints=())
        for place in (environment.replica.url(name), "postgresql://127.0.0.1:1/nowhere")
    ]

    for each in settings:
        await examine(each, url)

    printed = capsys.readouterr().out
    assert "ok    replica\n" in printed
    assert "FAIL  replica: servers do without it." in printed
