"""Push services that answer with malice or nonsense: each costs a bounded time and memory, and nothing more.

They are asked at once, by one server, because some end only when its patience does.
"""

import asyncio
import logging
import socket
import ssl
import struct
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from warnings import catch_warnings, simplefilter

import httpx
import pytest
from sqlalchemy.engine import URL

from app.push.ssrf_guard import INTERNET, Network
from app.store.subscriptions import Subscriptions
from tests.databases import open_database
from tests.deadlines import MARGIN_S, SHORT
from tests.hostile.fake_internet import (
    Answer,
    CertificateAuthority,
    Internet,
    PushReceiver,
    Request,
    post,
    settings_for,
    update,
    whisper,
)
from tests.people import Person, now_ms
from tests.vector_files import vectors

pytestmark = pytest.mark.anyio

STUBS: dict[str, dict[str, Any]] = {case["id"]: case["stub"] for case in vectors("ssrf.json")["answers"]}
DEADLINES = replace(SHORT, total_s=4, attempt_s=3)
DEADLINE_S = DEADLINES.total_s + MARGIN_S
PROMPT_S = DEADLINES.attempt_s  # for what was answered: less than one attempt may take
MIB = 2**20
MARGIN_BYTES = 10 * MIB  # for what both sides of a delivery allocate; the bomb is a hundred times that
PIECE = 4096  # bytes of an answer that are sent at a time

OK = {"ok"}
FAILURE = {"push_refused", "push_unreachable"}
LATE = {"push_timed_out", "push_unreachable"}
# What the caller may be told.
ENDINGS = {
    "answer-01": {"push_refused"},
    "answer-02": {"push_refused"},
    "answer-03": {"push_refused"},
    "answer-04": {"push_refused"},
    "answer-05": {"push_refused"},
    "answer-06": OK,
    "answer-07": OK,
    "answer-08": OK,
    "answer-09": {"push_refused"},
    "answer-10": OK | FAILURE,
    "answer-11": OK | LATE,
    "answer-12": OK | LATE,
    "answer-13": {"push_timed_out"},
    "answer-14": LATE,
    "answer-15": FAILURE,
    "answer-16": FAILURE | LATE,
    "answer-17": FAILURE,
    "answer-18": OK | FAILURE,
    "answer-19": FAILURE,
    "answer-20": FAILURE,
    "answer-21": FAILURE,
    "answer-22": FAILURE,
    "answer-23": OK,
    "answer-24": {"recipient_gone"},
}
SILENT = ["answer-13", "answer-14", "answer-16"]  # they never come to an answer
NO_HANDSHAKE = ["answer-14", "answer-19", "answer-20", "answer-21", "answer-22"]
ONCE = sorted(ENDINGS.keys() - NO_HANDSHAKE)
HOSTS = {name: f"{name}.push.services.mozilla.com" for name in STUBS}
HOSTS["answer-08"] = "fcm.googleapis.com"  # in the domain of the cookie that it sets
ADDRESSES = {name: f"34.107.243.{number}" for number, name in enumerate(STUBS, 1)}
PATH = "/wpush/v2/c2VjcmV0"


def script(stub: dict[str, Any]) -> Answer:
    """Return the push service that *stub* describes."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        if "hang" in stub:
            await asyncio.sleep(2 * DEADLINE_S)
        interim = stub.get("interim", {"times": 0})
        for _ in range(interim["times"] // 100):
            writer.write(100 * f"HTTP/1.1 {interim['status']} Early Hints\r\n\r\n".encode())
            await writer.drain()
        if interim["times"]:
            await asyncio.sleep(2 * DEADLINE_S)
        writer.write(stub["raw"].encode() if "raw" in stub else head_of(stub))
        async for chunk in chunks_of(stub.get("body", {})):
            writer.write(chunk)
            await writer.drain()
        if "reset" in stub:
            await reset(writer)
        if "raw" in stub:
            writer.close()

    return answer


def head_of(stub: dict[str, Any]) -> bytes:
    """Return the status line and the headers."""
    headers = {
        name: value if isinstance(value, str) else value["repeat"] * value["times"]
        for name, value in stub.get("headers", {}).items()
    }
    length = {} if "gzip_of_zeros" in stub.get("body", {}) else {"Content-Length": length_of(stub)}
    lines = [f"{name}: {value}" for name, value in (headers | length).items()]
    return "\r\n".join([f"HTTP/1.1 {stub.get('status', 201)} X", *lines, "", ""]).encode()


def length_of(stub: dict[str, Any]) -> str:
    """Return the announced length: of what never ends, and of what is cut off, more than will come."""
    if "body" in stub:
        return str(2**62)
    return "100" if "reset" in stub else "0"


async def chunks_of(body: dict[str, Any]) -> AsyncIterator[bytes]:
    """Yield the body, in its own time."""
    match body:
        case {"gzip_of_zeros": int(size)}:
            for chunk in bomb(size):
                yield chunk
        case {"endless": True}:
            while True:
                yield bytes(PIECE)
        case {"drip_bytes_per_s": int(rate)}:
            while True:
                yield b"."
                await asyncio.sleep(1 / rate)


def bomb(size: int) -> Iterator[bytes]:
    """Yield gzip of *size* zeros, by the MiB; its checksum is wrong, which nobody lives to see."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    once = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    yield b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    for _ in range(size // MIB):
        yield once
    yield packer.flush() + bytes(8)


async def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection in the midst of a body, once the head has been read."""
    writer.write(b"half")
    await asyncio.sleep(0.1)
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def tls_of(stub: dict[str, Any], host: str, authority: CertificateAuthority) -> ssl.SSLContext | None:
    """Return the server side of a handshake, `None` for one that never ends."""
    match stub:
        case {"hang": "in_tls"}:
            return None
        case {"tls": "self_signed"}:
            return CertificateAuthority().context(host)
        case {"tls": "expired"}:
            return authority.context(host, age=timedelta(days=3))
        case {"tls": "other_name"}:
            return authority.context("other.push.services.mozilla.com")
        case {"tls": "tls1.0"}:
            return outdated(authority.context(host))
        case _:
            return authority.context(host)


def outdated(context: ssl.SSLContext) -> ssl.SSLContext:
    """Allow TLS 1.0 only."""
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


class LogRecorder(logging.Handler):
    """Handler that keeps the log's records."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep *record*."""
        self.records.append(record)


@dataclass
class Results:
    """Results of all hostile answers: the answer to each caller, its seconds, and the server that goes on."""

    client: httpx.AsyncClient
    internet: Internet
    log: LogRecorder = field(default_factory=LogRecorder)
    people: dict[str, Person] = field(default_factory=lambda: {name: Person() for name in STUBS})
    codes: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak: int = 0

    async def dial(self, name: str) -> str:
        """Dial who is registered at one of the push services, and return the code of the answer."""
        answer = await post(self.client, Person().to("dial", self.people[name]))
        return str(answer.json().get("code", "ok"))

    async def time(self, name: str) -> None:
        """Dial, and keep what came of it, and when."""
        began = time.monotonic()
        self.codes[name] = await self.dial(name)
        self.seconds[name] = time.monotonic() - began

    def requests(self, name: str) -> list[Request]:
        """Return what one of the push services got."""
        return [request for request in self.internet.requests if request.name == HOSTS[name]]


@pytest.fixture(scope="module")
async def server(migrated: URL) -> AsyncIterator[Results]:
    """Run a server among push services of malice, with somebody registered at each."""
    names = {HOSTS[name]: [ADDRESSES[name]] for name in STUBS}
    async with (
        Internet.running(names) as internet,
        whisper(settings_for(migrated, "browsers"), internet.network, deadlines=DEADLINES) as client,
    ):
        results = Results(client, internet)
        for name, stub in STUBS.items():
            internet.answers[HOSTS[name]] = script(stub)
            await internet.open(ADDRESSES[name], tls_of(stub, HOSTS[name], internet.authority))
            subscription = PushReceiver().at(f"https://{HOSTS[name]}{PATH}")
            assert (await post(client, update(results.people[name], subscription))).status_code == 200
        yield results


async def peak_of(work: Awaitable[Any]) -> int:
    """Return the bytes that are allocated at most while *work* is done."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await work
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before


@pytest.fixture(scope="module")
async def results(server: Results, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Dial everybody, in an environment that names a proxy and passwords."""
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("default login somebody password something\n")
    root, log = logging.getLogger(), server.log
    level = root.level
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NETRC", str(netrc))
        for variable, value in STUBS["answer-23"]["env"].items():
            environment.setenv(variable, value)
        root.addHandler(log)
        root.setLevel(logging.DEBUG)
        await asyncio.gather(*map(server.time, STUBS.keys() - SILENT))
        server.peak = await peak_of(asyncio.gather(*map(server.time, SILENT)))
        root.setLevel(level)
        root.removeHandler(log)
    return server


def test_every_answer_has_its_endings() -> None:
    """Nothing of the vectors is passed over."""
    assert ENDINGS.keys() == STUBS.keys()


@pytest.mark.parametrize("name", STUBS)
async def test_an_answer_ends_as_it_must(results: Results, name: str) -> None:
    """Success where the status said so; else the failure it was."""
    assert results.codes[name] in ENDINGS[name]


@pytest.mark.parametrize("name", STUBS)
async def test_an_answer_ends_in_time(results: Results, name: str) -> None:
    """Within the deadline, whatever is dribbled, withheld or repeated."""
    assert results.seconds[name] < DEADLINE_S


@pytest.mark.parametrize("name", sorted(ENDINGS.keys() - SILENT))
async def test_what_was_answered_ends_soon(results: Results, name: str) -> None:
    """Only silence takes long: nobody waits for a body that does not matter."""
    assert results.seconds[name] < PROMPT_S


@pytest.mark.parametrize("name", ONCE)
async def test_an_answer_is_not_asked_for_twice(results: Results, name: str) -> None:
    """No redirect, no location, no challenge makes a second request."""
    assert [(request.method, request.target) for request in results.requests(name)] == [("POST", PATH)]


@pytest.mark.parametrize("name", NO_HANDSHAKE)
async def test_nothing_is_said_to_who_is_not_the_push_service(results: Results, name: str) -> None:
    """The message waits for a handshake that proves the name."""
    assert results.requests(name) == []


async def test_nobody_else_is_asked(results: Results) -> None:
    """No other name is looked up, and no other address connected, whatever the answers point at."""
    assert results.internet.look_ups.keys() <= set(HOSTS.values())
    assert set(results.internet.connected) == {(address, 443) for address in ADDRESSES.values()}


async def test_no_password_is_sent_and_no_coding_accepted(results: Results) -> None:
    """Who challenges gets nothing but what every push service gets."""
    heads = [request.headers for request in results.internet.requests]

    assert {head["authorization"].split()[0] for head in heads} == {"vapid"}
    assert {head["accept-encoding"] for head in heads} == {"identity"}


@pytest.mark.parametrize("name", ["answer-10", "answer-11", "answer-15"])
async def test_a_huge_answer_costs_little_memory(results: Results, name: str) -> None:
    """A gzip of one GiB, an endless body, a header of one MiB."""
    peak = await peak_of(results.dial(name))

    assert peak < MARGIN_BYTES


async def test_silence_costs_little_memory(results: Results) -> None:
    """100 000 interim answers are nothing, too."""
    assert results.peak < MARGIN_BYTES


async def test_nothing_is_logged_but_events(results: Results) -> None:
    """No endpoint, and no exception that nobody caught."""
    logged = [record.getMessage() for record in results.log.records]

    assert [record for record in results.log.records if record.levelno >= logging.ERROR] == []
    assert [message for message in logged if PATH in message] == []
    assert sum(message.startswith("push to") for message in logged) >= len(STUBS)


async def test_who_is_gone_is_forgotten(results: Results, migrated: URL) -> None:
    """A 404 with a Location is a 404."""
    async with open_database(migrated) as database:
        stored = {
            name: await Subscriptions(database).get(person.address, now_ms())
            for name, person in results.people.items()
        }

    assert [name for name, devices in stored.items() if not devices] == ["answer-24"]


async def test_a_cookie_is_not_kept(results: Results) -> None:
    """It would tie recipients together."""
    await results.dial("answer-08")

    assert ["cookie" in request.headers for request in results.requests("answer-08")] == [False, False]


async def test_an_alternative_service_is_not_used(results: Results) -> None:
    """The next message goes where the first went."""
    before = len(results.internet.connected)

    assert await results.dial("answer-07") == "ok"
    assert set(results.internet.connected[before:]) <= {(ADDRESSES["answer-07"], 443)}


async def test_the_connection_of_an_endless_answer_is_not_used_again(results: Results) -> None:
    """Of its body nobody knows the end."""
    before = results.internet.connected.count((ADDRESSES["answer-11"], 443))

    await results.dial("answer-11")

    assert results.internet.connected.count((ADDRESSES["answer-11"], 443)) == before + 1


@pytest.mark.parametrize("name", ["answer-19", "answer-20", "answer-21", "answer-22"])
async def test_a_bad_handshake_is_one_for_a_strict_client_only(server: Results, name: str) -> None:
    """The server here is refused for its certificate or its version, not because it is broken."""
    lenient = ssl.create_default_context()
    lenient.check_hostname = False
    lenient.verify_mode = ssl.CERT_NONE
    wire = server.internet.make_socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    wire.connect((ADDRESSES[name], 443))
    client = outdated(lenient) if name == "answer-22" else lenient

    _, writer = await asyncio.open_connection(sock=wire, ssl=client, server_hostname=HOSTS[name])

    assert writer.get_extra_info("cipher") is not None
    writer.close()


async def test_the_real_network_trusts_no_authority_of_ours(migrated: URL, bob: Person) -> None:
    """As shipped, TLS verifies: what the tests trust here is a stranger's signature there."""
    host = HOSTS["answer-23"]
    async with Internet.running({host: ["34.107.243.93"]}) as internet:
        network = Network(internet.look_up, internet.make_socket, INTERNET.tls)
        async with whisper(settings_for(migrated, "browsers"), network) as client:
            await post(client, update(bob, PushReceiver().at(f"https://{host}{PATH}")))
            answer = await post(client, Person().to("dial", bob))

    assert answer.json()["code"] in FAILURE
    assert (internet.requests, bool(internet.connected)) == ([], True)
