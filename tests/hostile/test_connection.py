"""Connections that are slow, endless, ambiguous, or not HTTP at all, to one server with short deadlines."""

import json
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey
from app.store.database import POOL_OVERFLOW, POOL_SIZE
from tests.deadlines import MARGIN_S, SHORT_TIMEOUTS
from tests.http_client import http
from tests.metrics import SOCKET, scrape
from tests.people import Person, body, now_ms
from tests.processes import Program, program
from tests.vector_files import subscription_json

RECEIVE_S = SHORT_TIMEOUTS.receive_s
SEND_S = SHORT_TIMEOUTS.send_s
PROMPT_S = 3
DRIP_EVERY_S = 0.2
HEAD_BYTES = 16_384
SETTLED_S = 0.3
SECRET = "hunter2"  # noqa: S105 - what a client sends, and no log shows

LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /dial HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
EMPTY = b"0\r\n\r\n"


@dataclass(frozen=True)
class Server:
    """Running server."""

    program: Program
    port: int

    @property
    def process(self) -> psutil.Process:
        """Its process."""
        return psutil.Process(self.program.process.pid)

    def serves(self, client: socket.socket) -> bool:
        """Tell whether it still has a connection with *client*."""
        port = client.getsockname()[1]
        return any(
            connection.raddr and connection.raddr.port == port
            for connection in self.process.net_connections("tcp")
        )

    def answers_honest_callers(self) -> bool:
        """Tell whether somebody can register, which takes a body, a signature and the database."""
        update = Person().update(subscription_json("https://fcm.googleapis.com/x"), sent_at=now_ms())
        url = f"http://127.0.0.1:{self.port}/update"
        return http.post(url, content=body(update), timeout=5).status_code == 200


@dataclass(frozen=True)
class Answer:
    """Answer that came over a socket."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def code(self) -> str | None:
        """The code of a refusal; it must tell the time."""
        assert abs(self.json["timestamp"] - now_ms()) < 60_000
        return self.json.get("code") if isinstance(self.json, dict) else None


@dataclass(frozen=True)
class ConnectionEnd:
    """End of a connection: its answers, whether the server closed it, and after how long."""

    answers: Sequence[Answer]
    closed: bool
    seconds: float

    @property
    def codes(self) -> list[tuple[int, str | None]]:
        """Status and code of each answer."""
        return [(answer.status, answer.code) for answer in self.answers]


@pytest.fixture(scope="module")
def server(migrated: URL) -> Iterator[Server]:
    """Run a server without limits, which would only hide what a connection can do."""
    env = {
        "WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_RATE_LIMITS": "off",
        "WHISPER_PORT": "0",
        "WHISPER_LOG_LEVEL": "DEBUG",
        **SOCKET,
    }
    with (
        tempfile.TemporaryDirectory(prefix="wh") as home,
        program(sys.executable, "-m", "tests.short_deadline_server", env=env, cwd=Path(home)) as running,
    ):
        url = running.wait_for("Open http").partition("Open ")[2].partition(" ")[0]
        yield Server(running, int(url.rpartition(":")[2]))


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """Open a connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PROMPT_S) as opened:
        yield opened


def parsed(received: bytes) -> list[Answer]:
    """Return the answers in *received*, which must be whole."""
    answers = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        assert len(rest) >= length
        content = json.loads(rest[:length]) if length else {"timestamp": now_ms()}
        answers.append(Answer(int(status.split()[1]), headers, content))
        received = rest[length:]
    return answers


def end(opened: socket.socket, seconds: float, drip: bytes = b"") -> ConnectionEnd:
    """Read until the server closes or so much time has passed; send a *drip* now and then."""
    received, closed, began = b"", False, time.monotonic()
    while not closed and (left := began + seconds - time.monotonic()) > 0:
        opened.settimeout(min(left, DRIP_EVERY_S))
        try:
            piece = opened.recv(65536)
        except TimeoutError:
            with suppress(OSError):
                opened.sendall(drip)
            continue
        except ConnectionError:
            piece = b""
        received, closed = received + piece, not piece
    return ConnectionEnd(parsed(received), closed, time.monotonic() - began)


def say(server: Server, *pieces: bytes, seconds: float = PROMPT_S, drip: bytes = b"") -> ConnectionEnd:
    """Send the pieces one after another, and return how it ended."""
    with connected(server) as opened:
        for piece in pieces:
            opened.sendall(piece)
            time.sleep(0.02)
        return end(opened, seconds, drip)


# What is begun and never ended: how it begins, and what comes now and then.
SLOW = {
    "silence": (b"", b""),
    "empty lines": (b"", b"\r\n"),
    "half a head": (LIVE[:20], b""),
    "a header, byte by byte": (LIVE[:-2] + b"X: ", b"a"),
    "headers, one by one": (LIVE[:-2], b"X: y\r\n"),
    "half a body": (POST + b"Content-Length: 100\r\n\r\n{", b""),
    "a body, byte by byte": (POST + b"Content-Length: 100\r\n\r\n", b" "),
    "a body that was asked for": (POST + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n", b""),
    "half a chunk": (CHUNKED + b"10\r\n{", b""),
    "chunks, one by one": (CHUNKED, b"1\r\n \r\n"),
    "a chunk's extension": (CHUNKED + b"1;", b"a"),
    "trailers, one by one": (CHUNKED + b"0\r\n", b"X: y\r\n"),
    "a second request, byte by byte": (LIVE + LIVE[:-2] + b"X: ", b"a"),
}

# What goes on after its answer: at the end there may be a 408, and must be the end.
ANSWERED = {
    "nothing more": (LIVE, b""),
    "empty lines": (LIVE, b"\r\n"),
    "half a second request": (LIVE + LIVE[:20], b""),
    "the body of what is not there": (POST.replace(b"dial", b"x") + b"Content-Length: 100\r\n\r\n", b" "),
}


KEYS = LIVE.replace(b"livez", b"js/identity.js")
OPENAPI = LIVE.replace(b"livez", b"openapi.json")
CLOSE = LIVE[:-2] + b"Connection: close\r\n\r\n"

# What is asked by clients that read no answer, and now and then. 185 files fit into the buffers here.
UNREAD = {
    "documents": (OPENAPI * 500, b""),
    "files": (KEYS * 185, b""),
    "more files": (KEYS * 250, b""),
    "files, and an end": (KEYS * 185 + CLOSE, b""),
    "files, and what is not HTTP": (KEYS * 185 + b"hello\r\n\r\n", b""),
    "files, and half a request": (KEYS * 185 + LIVE[:20], b""),
    "files, on and on": (KEYS * 185, LIVE),
    "refusals": (LIVE.replace(b"livez", b"x") * 4000, b""),
}


def never_read(server: Server, asked: bytes, drip: bytes) -> bool:
    """Ask much, read none of it, and tell whether the server lets go."""
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.settimeout(RECEIVE_S)
        opened.connect(("127.0.0.1", server.port))
        until = time.monotonic() + RECEIVE_S + SEND_S + MARGIN_S
        with suppress(OSError):
            opened.sendall(asked)
        time.sleep(0.9 * SEND_S)
        while server.serves(opened) and time.monotonic() < until:
            time.sleep(DRIP_EVERY_S)
            with suppress(OSError):
                opened.send(drip)
        return not server.serves(opened)


@pytest.fixture(scope="module", autouse=True)
def slow(server: Server) -> Iterator[dict[str, Future[Any]]]:
    """Begin everything slow at once, and let it go on beside the other tests."""
    cases = {f"slow {name}": case for name, case in SLOW.items()}
    cases |= {f"answered {name}": case for name, case in ANSWERED.items()}
    with ThreadPoolExecutor(len(cases) + len(UNREAD)) as threads:
        begun: dict[str, Future[Any]] = {
            name: threads.submit(say, server, first, seconds=RECEIVE_S + MARGIN_S, drip=drip)
            for name, (first, drip) in cases.items()
        }
        for name, (asked, drip) in UNREAD.items():
            begun[f"unread {name}"] = threads.submit(never_read, server, asked, drip)
        yield begun


NOISE = [
    b"\r\n\r\nhello\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /livez HTTP/3.7\r\n\r\n",
    b"GET /livez RTSP/1.0\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"A" * 5000 + b" /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    LIVE.replace(b"Host", b"Ho st"),
    LIVE[:-2] + b"X: \x00\r\n\r\n",
]


@pytest.mark.parametrize(
    "noise",
    NOISE,
    ids=[
        "text",
        "TLS",
        "HTTP/2",
        "HTTP/3.7",
        "RTSP",
        "a raw path",
        "a long method",
        "CONNECT",
        "a name",
        "a NUL",
    ],
)
def test_what_is_not_http_is_told_so(server: Server, noise: bytes) -> None:
    """In the form of every refusal, with the time, and that is the end."""
    ending = say(server, noise)

    assert (ending.codes, ending.closed) == ([(400, "not_http")], True)


AMBIGUOUS = [
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + EMPTY,
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + EMPTY,
    POST + b"Transfer-Encoding: xchunked\r\n\r\n" + EMPTY,
    POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + EMPTY,
    POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + EMPTY,
    CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + EMPTY,
    POST + b"Transfer-Encoding: identity\r\n\r\n" + EMPTY,
    POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + EMPTY,
    POST + b"Transfer-Encoding : chunked\r\n\r\n" + EMPTY,
    POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + EMPTY,
    POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    POST + b"Content-Length: 5, 6\r\n\r\nhello!",
    POST + b"Content-Length:\r\n 5\r\n\r\nhello",
    *(
        POST + b"Content-Length: " + length + b"\r\n\r\nhello"
        for length in (b"-5", b"+5", b"0x5", b"5.0", b"5e0", b"", b"9" * 30)
    ),
    *(CHUNKED + size + b"\r\n{}\r\n" + EMPTY for size in (b"-2", b"+2", b"0x2", b" 2", b"", b"f" * 17, b"g")),
    CHUNKED + b"2\n{}\n0\n\n",
    CHUNKED + b"2\r\n{}0\r\n\r\n",
    LIVE.replace(b"\r\n", b"\n"),
    LIVE[:-2] + b"X: y\n\r\n",
    LIVE[:-2] + b"X: y\rZ: z\r\n\r\n",
    LIVE[:-2] + b"X: y\r\n z\r\n\r\n",
    LIVE[:-2] + b"\n",
    LIVE.replace(b"Host: x\r\n", b""),
    LIVE.replace(b"Host: x\r\n", b"Host: x\r\nHost: x\r\n"),
    LIVE.replace(b"Host: x\r\n", b"Host: x\r\nhost: y\r\n"),
    LIVE.replace(b"HTTP/1.1\r\nHost: x", b"HTTP/1.0\r\nHost: x\r\nHost: y"),
    LIVE.replace(b" HTTP/1.1", b" HTTP/0.9"),
    LIVE.replace(b" HTTP/1.1", b""),
    b"GET /livez\r\n\r\n",
    b"GET http://x/livez HTTP/1.1\r\n\r\n",
    *(
        LIVE.replace(b"Host: x", b"Host: " + host)
        for host in (
            b"x y",
            b"x,y",
            b"a@b",
            b"x/y",
            b"x?y",
            b"x#y",
            b"[::1",
            b"::1",
            b"x:y",
            b"h\xc3\xa9",
        )
    ),
]


@pytest.mark.parametrize(
    "request_", AMBIGUOUS, ids=lambda request_: repr(request_.partition(b"Host: x\r\n")[2])[2:42] or "LF"
)
def test_what_could_be_read_in_two_ways_is_refused(server: Server, request_: bytes) -> None:
    """A proxy in front may read it in the other way: nothing is served, and that is the end."""
    ending = say(server, request_ + LIVE)

    assert (ending.codes, ending.closed) == ([(400, "not_http")], True)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET /livez HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",),
        (b"GET /livez?" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",),
        (LIVE[:-2] + b"X: y\r\n" * 6000 + b"\r\n",),
        (LIVE[:-2] + b"X: " + b"a" * 10_000, b"a" * 10_000),
        (LIVE[:-2] + b"X: ", *[b"a" * 1000] * 17),
        (LIVE + LIVE[:-2] + b"X: " + b"a" * 24_000,),
        (LIVE, LIVE[:-2] + b"X: " + b"a" * 20_000 + b"\r\n\r\n"),
    ],
    ids=["whole", "path", "many headers", "in two", "in many", "behind another", "after another"],
)
def test_a_head_over_16_kib_is_refused_at_once(server: Server, pieces: Sequence[bytes]) -> None:
    """Whether it comes whole or in pieces, first or later."""
    ending = say(server, *pieces)

    assert (ending.codes[-1], ending.closed) == ((431, "head_too_large"), True)


def test_a_head_just_below_16_kib_is_served(server: Server) -> None:
    """Alone, and one after another: each is counted for itself."""
    request = LIVE[:-2] + b"X: " + b"a" * (HEAD_BYTES - 100) + b"\r\n\r\n"

    assert say(server, request, request, request, seconds=1).codes == [(200, None)] * 3


def test_trailers_have_a_limit_too(server: Server) -> None:
    """They are headers that come after the body, and would fill the memory."""
    before, sent = server.process.memory_info().rss, 0
    with connected(server) as opened, suppress(ConnectionError):
        opened.sendall(CHUNKED + b"0\r\n")
        while sent < 32_000_000:
            sent += opened.send(b"X: y\r\n" * 1000)

    assert sent < 32_000_000
    assert server.process.memory_info().rss - before < 50_000_000


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (POST + b"Content-Length: 18446744073709551615\r\n\r\nhello", (413, "body_too_large")),
        (POST + b"Expect: 100-continue\r\nContent-Length: 9000\r\n\r\n", (413, "body_too_large")),
        (CHUNKED + b"7fffffff\r\n" + b" " * 9000, (413, "body_too_large")),
        (CHUNKED + b"2;a=b;c\r\n{}\r\n" + EMPTY, (400, "not_a_call")),
        (CHUNKED + b"00000002\r\n{}\r\n0\r\nX: y\r\n\r\n", (400, "not_a_call")),
        (POST + b"Content-Length: 0002\r\n\r\n{}", (400, "not_a_call")),
        (b"GET /livez HTTP/1.0\r\n\r\n", (200, None)),
        (b"POST /dial HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", (400, "not_a_call")),
        *(
            (LIVE.replace(b"Host: x", b"Host: " + host), (200, None))
            for host in (b"", b"[::1]:8000", b"a_b.example:", b"xn--a.example:80", b"192.0.2.1", b"a%20b")
        ),
        (b"GET http://other.example/livez HTTP/1.1\r\nHost: x\r\n\r\n", (200, None)),
        (b"\r\n\r\n" + LIVE, (200, None)),
        (LIVE[:-2] + b"Connection: close\r\n\r\n" + LIVE, (200, None)),
    ],
)
def test_what_is_odd_but_clear_is_answered_once(
    server: Server, request_: bytes, code: tuple[int, str | None]
) -> None:
    """As HTTP has it."""
    assert say(server, request_, seconds=1).codes == [code]


@pytest.mark.parametrize("kind", [b"h2c", b"websocket", b"TLS/1.2", b"nonsense"])
@pytest.mark.parametrize("begin", [LIVE[:-2], POST + b"Content-Length: 2\r\n"], ids=["GET", "POST"])
def test_an_upgrade_is_refused_and_the_connection_with_it(server: Server, begin: bytes, kind: bytes) -> None:
    """No other protocol is spoken here, and what follows is nobody's request."""
    upgrade = begin + b"Connection: Upgrade\r\nUpgrade: " + kind + b"\r\n\r\n{}" + LIVE

    ending = say(server, upgrade, seconds=1)

    assert (ending.codes, ending.closed) == ([(400, "not_http")], True)


def test_the_body_of_an_upgrade_is_not_another_request(server: Server) -> None:
    """Or a proxy that takes it for a body would give the second answer to somebody else."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: nonsense\r\nContent-Length: %d\r\n\r\n" % len(LIVE)

    assert [answer.status for answer in say(server, POST + upgrade, LIVE, seconds=1).answers] == [400]


def test_a_hundred_requests_at_once_are_answered_in_order(server: Server) -> None:
    """Each its own answer."""
    paths = [b"/livez", b"/x", b"/config", b"/dial", b"/readyz"] * 20

    ending = say(server, b"".join(LIVE.replace(b"/livez", path) for path in paths), seconds=2)

    assert [answer.status for answer in ending.answers] == [200, 404, 200, 405, 200] * 20


BAD = [
    (b"\x00\r\n\r\n", 400),
    (LIVE[:-2] + b"X: " + b"a" * 40_000, 431),
    (CHUNKED + b"g\r\n", 400),
    (CHUNKED + b"1\r\n \r\n" * 40_000, 413),
    (POST + b"Content-Length: 100\r\n\r\n{", 408),
    (LIVE.replace(b"HTTP", b"RTSP"), 400),
    (LIVE[:-2] + b"Connection: upgrade\r\nUpgrade: x\r\n\r\n", 400),
]


@pytest.mark.parametrize(
    ("bad", "status"), BAD, ids=["a NUL", "head", "chunk", "body", "no end", "RTSP", "upgrade"]
)
@pytest.mark.parametrize("good", [1, 3])
def test_good_requests_before_a_bad_one_have_their_own_answers(
    server: Server, bad: bytes, status: int, good: int
) -> None:
    """A refusal of the last is neither told as the answer to one before, nor instead of it."""
    ending = say(server, LIVE.replace(b"livez", b"readyz") * good + bad, seconds=RECEIVE_S + MARGIN_S)

    assert [answer.status for answer in ending.answers] == [200] * good + [status]
    assert ending.closed


def test_a_connection_goes_on_after_refusals(server: Server) -> None:
    """A refused call costs nobody their connection."""
    calls = [b"{}", b"null", b"\xff", b'{"a":"dial","b":{},"c":""}', b'{"a":"offer","b":{},"c":""}']
    requests = [POST + b"Content-Length: %d\r\n\r\n" % len(call) + call for call in calls]
    encoded = POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"

    ending = say(server, *requests, encoded, LIVE, seconds=1)

    assert [answer.status for answer in ending.answers] == [400, 400, 400, 422, 422, 415, 200]


def test_a_body_is_asked_for_when_it_is_wanted(server: Server) -> None:
    """`Expect: 100-continue` is answered before the body, and not for one that would be refused."""
    with connected(server) as opened:
        opened.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        asked = opened.recv(100)
        opened.sendall(b"{}")

        assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert end(opened, 1).codes == [(400, "not_a_call")]


def test_head_and_body_of_an_answer_come_together(server: Server) -> None:
    """A client wakes up once."""
    with connected(server) as opened:
        for _ in range(50):
            opened.sendall(LIVE)

            assert opened.recv(HEAD_BYTES).endswith(b"}")


def test_an_answer_without_a_body_waits_for_nothing(server: Server) -> None:
    """Its head is all that comes."""
    with connected(server) as opened:
        for _ in range(2):
            opened.sendall(LIVE.replace(b"GET", b"HEAD"))

            assert opened.recv(HEAD_BYTES).endswith(b"\r\n\r\n")


def leave(server: Server, *, rudely: bool) -> None:
    """Begin in every way, and go without waiting."""
    begun = [b"", LIVE[:9], POST + b"Content-Length: 9\r\n\r\n{", CHUNKED + b"5\r\n{", LIVE, LIVE * 50]
    begun.append(LIVE.replace(b"livez", b"openapi.json") * 200)
    for first in begun:
        with connected(server) as opened:
            if rudely:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            opened.sendall(first)
            time.sleep(0.005)


def held_files(server: Server) -> tuple[int, int]:
    """Return how many sockets of clients the server has, and how many files in all."""
    sockets = server.process.net_connections("tcp")
    clients = sum(each.laddr.port == server.port and each.status != psutil.CONN_LISTEN for each in sockets)
    return clients, server.process.num_fds()


def eventually_at_most(server: Server, before: tuple[int, int]) -> bool:
    """Tell whether the server soon holds what it held *before*; its pools may have grown meanwhile."""

    def is_back() -> bool:
        clients, files = held_files(server)
        return clients <= before[0] and files <= before[1] + POOL_SIZE + POOL_OVERFLOW

    until = time.monotonic() + PROMPT_S
    while not is_back() and time.monotonic() < until:
        time.sleep(0.05)
    return is_back()


@pytest.mark.parametrize("rudely", [False, True], ids=["by a close", "by a reset"])
def test_whoever_leaves_leaves_nothing(server: Server, *, rudely: bool) -> None:
    """No open file, no failure in the log: to go is not a fault of the server."""
    before = held_files(server)

    for _ in range(10):
        leave(server, rudely=rudely)

    assert eventually_at_most(server, before)
    assert "Traceback" not in server.program.output


def test_honest_callers_are_served_while_others_hold_connections(server: Server) -> None:
    """200 that say nothing, and 200 that say a byte now and then."""
    before = held_files(server)
    with ExitStack() as open_:
        held = [open_.enter_context(connected(server)) for _ in range(400)]
        for opened in held[200:]:
            opened.sendall(POST + b"Content-Length: 8000\r\n\r\n")
        for _ in range(5):
            for opened in held[200:]:
                opened.sendall(b" ")
            assert server.answers_honest_callers()

    assert eventually_at_most(server, before)


@pytest.mark.parametrize("name", SLOW)
def test_what_does_not_arrive_in_time_is_given_up(slow: dict[str, Future[ConnectionEnd]], name: str) -> None:
    """Whatever has come: the answer says why, and that is the end."""
    ending = slow[f"slow {name}"].result()

    assert (ending.codes[-1], ending.closed) == ((408, "request_timed_out"), True)
    assert 0.9 * RECEIVE_S < ending.seconds < RECEIVE_S + MARGIN_S


@pytest.mark.parametrize("name", ANSWERED)
def test_what_goes_on_after_its_answer_is_given_up(slow: dict[str, Future[ConnectionEnd]], name: str) -> None:
    """Nobody keeps a connection by saying nothing of use on it."""
    ending = slow[f"answered {name}"].result()

    assert (ending.codes[0][0], ending.closed) == (404 if "not there" in name else 200, True)


@pytest.mark.parametrize("name", UNREAD)
def test_a_client_that_never_reads_is_given_up(slow: dict[str, Future[bool]], name: str) -> None:
    """However much it asks, below or above what is buffered; nothing is kept for ever."""
    assert slow[f"unread {name}"].result()


def test_who_never_reads_is_answered_a_few_times(server: Server) -> None:
    """Neither the process nor the kernel takes more than 16 KiB beyond what the client has room for."""
    size = len(http.get(f"http://127.0.0.1:{server.port}/js/whisper.js").content)
    before = server.program.output.count("/js/whisper.js")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /js/whisper.js HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        time.sleep(SETTLED_S)
        answered = server.program.output.count("/js/whisper.js") - before

    assert 0 < answered * size < 100 * 1024


def test_a_call_that_breaks_off_is_counted_as_aborted(server: Server) -> None:
    """Not as one that could be read, and a refused connection is not a refused call as well."""
    counted = [("whisper_calls_total", "close", code) for code in ("aborted", "not_json")]
    refused = ("whisper_refused_connections_total", "not_http")
    home = Path(server.process.cwd())
    before = scrape(home)
    begun = CHUNKED.replace(b"dial", b"close") + b"1\r\n{\r\n"
    with connected(server) as opened:
        opened.sendall(begun)
        time.sleep(0.02)
    say(server, begun, b"not a chunk\r\n")

    until = time.monotonic() + PROMPT_S
    while (after := scrape(home)).get(counted[0], 0) < 2 and time.monotonic() < until:
        time.sleep(0.02)

    assert [after.get(name, 0) - before.get(name, 0) for name in (*counted, refused)] == [2, 0, 1]


def test_the_log_does_not_repeat_what_strangers_say(server: Server) -> None:
    """Neither their paths, nor their headers, nor their bodies."""
    secret = SECRET.encode()
    upgrade = LIVE[:-2] + b"Connection: upgrade\r\nUpgrade: %b\r\n%b: %b\r\n\r\n" % ((secret,) * 3)
    post = POST + b"Content-Length: 7\r\n\r\n" + secret
    for said in (secret, LIVE.replace(b"livez", secret), post, upgrade, LIVE[:-2] + secret):
        say(server, said + b"\r\n\r\n", seconds=0.2)

    assert SECRET not in server.program.output


def test_pipelined_requests_do_not_queue_without_end(server: Server) -> None:
    """A client that goes on asking while it is answered costs no more than what it sent at first."""
    before = server.process.memory_info().rss
    ask = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
    with connected(server) as client:
        client.setblocking(False)  # noqa: FBT003 - the standard library's
        ends = time.monotonic() + 2
        while time.monotonic() < ends:
            for act in (lambda: client.send(ask), lambda: client.recv(65536)):
                with suppress(BlockingIOError):
                    act()

    assert server.process.memory_info().rss - before < 64 * 1024 * 1024
