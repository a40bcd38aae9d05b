"""Secrets: in no log, answer or traceback; and the rights of the database role."""

import asyncio
import logging
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy import text
from sqlalchemy.engine import URL

from app.main import create_app
from app.settings import Settings
from app.store.database import Database
from app.store.errors import DatabaseMisconfigured
from app.store.url import parse_url
from tests.databases import open_database
from tests.deadlines import SHORT
from tests.deployment import Deployment, serving
from tests.people import Person, body, now_ms
from tests.push_service import PushService
from tests.short_deadline_server import SHORT_DEADLINE_SERVER
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

# What a push service may do, and what the caller is then told.
TROUBLES: list[tuple[int, dict[str, Any]]] = [
    (404, {"status": 410}),
    (413, {"status": 413}),
    (502, {"status": 400, "body": "something about it"}),
    (502, {"status": 307, "headers": {"Location": "http://127.0.0.1:1/"}}),
    (503, {"status": 429, "headers": {"Retry-After": "100"}}),
    (502, {"status": 500}),
    (503, {"status": 503}),
    (504, {"disconnect": True}),
    (504, {"hang": "head"}),
]

# Shorter texts of a call are words of the protocol.
SHORT_TEXT = 16


def in_every_form(said: str) -> Iterator[str]:
    """Yield what would give *said* away: itself, a URL's path, and base64's bytes as they are printed."""
    yield said.removeprefix("https://").removeprefix("http://")
    yield from filter(None, [urlsplit(said).path.strip("/")])
    try:
        raw = b64decode(said + "=" * (-len(said) % 4), altchars=b"-_" if {*"-_"} & {*said} else None)
    except ValueError:
        return
    yield from (raw.hex(), repr(raw)[2:-1])


def texts_in(value: object) -> Iterator[str]:
    """Yield every text of *value* that is long enough to be a secret."""
    if isinstance(value, dict):
        for item in value.items():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str) and len(value) > SHORT_TEXT:
        yield value


class Session:
    """Session with everything that can happen to a server, and its answers."""

    def __init__(self, client: httpx.AsyncClient, push_service: PushService, database: Database) -> None:
        self._client = client
        self._push_service = push_service
        self._database = database
        self.said: set[str] = set()
        self.answers: list[httpx.Response] = []

    async def say(self, call: dict[str, Any], path: str | None = None) -> int:
        """Send *call*, to the door of its method or another, and return the status."""
        self.said.update(texts_in(call))
        return await self.send(body(call), path or f"/{call['a']}")

    async def send(self, content: bytes, path: str) -> int:
        """Send *content*, and return the status."""
        response = await self._client.post(path, content=content)
        self.answers.append(response)
        return response.status_code

    def secret(self) -> str:
        """Return a text that must not come back."""
        made = token_hex(20)
        self.said.add(made)
        return made

    async def registered(self, *answers: dict[str, Any]) -> Person:
        """Return somebody new whose push service answers so."""
        person, browser = Person(), self._push_service.subscribe()
        self._push_service.script(answers, browser.endpoint.rpartition("/")[2])
        assert (
            await self.say(person.update(subscription_json(browser.endpoint, browser.p256dh, browser.auth)))
            == 200
        )
        return person

    async def happens(self) -> None:
        """Let it all happen, each with the status that it must have."""
        await self._carried_out()
        await self._refused()
        await asyncio.gather(*(self._trouble(status, answer) for status, answer in TROUBLES))
        await self._database_fails()
        await self._rows_break()

    async def _carried_out(self) -> None:
        bob, alice = await self.registered(), Person()
        for later, method in enumerate(("offer", "answer", "ice", "dial", "close")):
            assert await self.say(alice.to(method, bob, b=now_ms() + 500 * later)) == 200
        assert await self.say(bob.update(None, sent_at=now_ms())) == 200

    async def _refused(self) -> None:
        bob, alice = await self.registered(), Person()
        dial, offer = alice.to("dial", bob), alice.to("offer", bob)
        elsewhere = subscription_json(f"https://example.org/{self.secret()}?{self.secret()}")
        assert [
            await self.say(dial | {"c": Person().sign(b"anything")}),
            await self.say(alice.to("dial", bob, b=1)),
            await self.say(alice.to("dial", Person())),
            await self.say(alice.to("dial", bob, **{self.secret(): self.secret()})),
            await self.say(alice.to("offer", bob, d=self.secret(), e=f"{self.secret()}%")),
            await self.say(alice.to("offer", bob, e="A" * 4000)),
            await self.say(alice.update(elsewhere)),
            await self.say(dial, "/offer"),
            await self.say(offer),
            await self.say(offer | {"a": "answer"}),
            await self.say({"a": self.secret(), "b": {}, "c": self.secret()}, "/api/v1/call"),
            await self.say(dial, f"/{self.secret()}?{self.secret()}"),
            await self.send(f'{{"{self.secret()}": {self.secret()}}}'.encode(), "/dial"),
            await self.send(f'"{self.secret()}"'.encode(), "/dial"),
        ] == [401, 409, 404, 422, 422, 413, 403, 422, 200, 409, 422, 404, 400, 400]

    async def _trouble(self, status: int, answer: dict[str, Any]) -> None:
        bob = await self.registered(answer | {"forever": True})
        assert await self.say(Person().to("offer", bob)) == status

    async def _database_fails(self) -> None:
        bob = await self.registered()
        for fault, remedy in [
            ("RENAME TO subscription_", "ALTER TABLE subscription_ RENAME TO subscription"),
            ("ADD CONSTRAINT no_ CHECK (false) NOT VALID", "ALTER TABLE subscription DROP CONSTRAINT no_"),
        ]:
            await self._database.fetch(text(f"ALTER TABLE subscription {fault}"))
            try:
                subscription = subscription_json(f"https://fcm.googleapis.com/{self.secret()}")
                assert await self.say(bob.update(subscription)) == 500
            finally:
                await self._database.fetch(text(remedy))

    async def _rows_break(self) -> None:
        """Spoil what was stored, which nobody foresaw."""
        for broken in ("endpoint = 'ftp' || endpoint", "p256dh = '\\x00'"):
            bob = await self.registered()
            await self._database.fetch(
                text(f"UPDATE device SET {broken} WHERE endpoint LIKE 'http:%'")  # noqa: S608 - from above
            )
            assert await self.say(Person().to("offer", bob)) >= 500

    def given_away(self, log: str) -> set[str]:
        """Return the secrets that are in *log* or in an answer."""
        told = log + "".join(f"{answer.headers} {answer.text}" for answer in self.answers)
        forms = {form for said in self.said for form in in_every_form(said)}
        return {form for form in forms if form in told}


@pytest.fixture
def deployed(settings: Settings, push_service: PushService, tmp_path: Path) -> Deployment:
    """Return what it takes to serve the same in a process of its own, and to log everything."""
    assert settings.database_url
    assert settings.vapid_private_key
    env = {
        "WHISPER_DATABASE_URL": settings.database_url.get_secret_value(),
        "WHISPER_VAPID_PRIVATE_KEY": settings.vapid_private_key.get_secret_value(),
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_PUSH_ENDPOINTS": f"browsers,{push_service.origin}",
        "WHISPER_RATE_LIMITS": "off",
        "WHISPER_LOG_LEVEL": "DEBUG",
    }
    return Deployment(0, env, tmp_path)


async def test_no_secret_is_in_the_log_of_a_server(
    deployed: Deployment, push_service: PushService, database: Database
) -> None:
    """It logs all that it can, and everything happens to it."""
    with serving(deployed, SHORT_DEADLINE_SERVER) as (server, at):
        async with httpx.AsyncClient(base_url=at.url, timeout=20) as client:
            life = Session(client, push_service, database)
            await life.happens()

    assert life.given_away(server.output) == set()
    assert deployed.env["WHISPER_VAPID_PRIVATE_KEY"] not in server.output
    assert "push to 127.0.0.1: timed_out" in server.output
    assert "Traceback" in server.output


async def test_no_secret_is_in_any_log(
    settings: Settings, push_service: PushService, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor of any library, were somebody to listen to all of them."""
    for name in logging.root.manager.loggerDict:
        caplog.set_level(logging.DEBUG, name)
    caplog.set_level(logging.INFO, "sqlalchemy.engine.Engine")  # DEBUG prints rows; no setting leads there
    caplog.set_level(logging.WARNING, "httpx")  # is the client here
    caplog.set_level(logging.DEBUG)
    app = create_app(settings.model_copy(update={"rate_limits": False}), deadlines=SHORT)
    async with (
        LifespanManager(app) as manager,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(manager.app, raise_app_exceptions=False), base_url="http://whisper"
        ) as client,
    ):
        life = Session(client, push_service, database)
        await life.happens()

    log = "\n".join(map(caplog.handler.format, caplog.records))
    assert life.given_away(log) == set()
    assert {record.name for record in caplog.records} >= {"app.push.delivery", "sqlalchemy.engine.Engine"}


ROLE = "server"
PASSWORD = token_urlsafe(12)


@pytest.fixture
async def role(migrated: URL, database: Database) -> AsyncIterator[str]:
    """Yield a database URL whose role may do what the server needs, and nothing else."""
    for statement in (
        f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON subscription, device TO {ROLE}",
        f"GRANT SELECT ON alembic_version TO {ROLE}",
    ):
        await database.fetch(text(statement))
    yield migrated.set(username=ROLE, password=PASSWORD).render_as_string(hide_password=False)
    await database.fetch(text(f"DROP OWNED BY {ROLE}"))
    await database.fetch(text(f"DROP ROLE {ROLE}"))


async def test_the_database_role_needs_four_rights_on_two_tables(
    deployed: Deployment, role: str, push_service: PushService, database: Database, bob: Person
) -> None:
    """A server that can't make, alter or drop anything still purges, registers, relays and forgets."""
    expired = "INSERT INTO subscription VALUES (decode(repeat('01', 32), 'hex'), '', '', '', 1, NULL)"
    await database.fetch(text(expired))
    browser = push_service.subscribe()
    limited = replace(deployed, env=deployed.env | {"WHISPER_DATABASE_URL": role})

    with serving(limited) as (server, at):
        async with httpx.AsyncClient(base_url=at.url) as client:
            subscription = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
            calls = [bob.update(subscription, sent_at=now_ms()), Person().to("dial", bob)]
            calls.append(bob.update(None, sent_at=now_ms() + 1000))
            answers = [await client.post("/api/v1/call", content=body(call)) for call in calls]
            answers.append(await client.get("/readyz"))
        server.wait_for("purged 1 expired")

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(browser.decrypted) == 1
    assert await database.fetch(
        text("SELECT endpoint FROM subscription WHERE address <> decode(repeat('00', 32), 'hex')")
    ) == [(None,)]
    assert PASSWORD not in server.output


async def test_the_role_of_this_test_really_may_do_little(role: str) -> None:
    """Or the test above would show nothing."""
    async with open_database(parse_url(role)) as limited:
        assert (await limited.fetch(text("SELECT current_user")))[0][0] == ROLE
        for statement in (
            "DROP TABLE subscription",
            "CREATE TABLE other (column_ int)",
            "DELETE FROM alembic_version",
        ):
            with pytest.raises(DatabaseMisconfigured):
                await limited.fetch(text(statement))
