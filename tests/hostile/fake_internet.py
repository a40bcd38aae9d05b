"""A small Internet on loopback: names, addresses, certificates and push services that answer as scripted."""

import asyncio
import errno
import json
import secrets
import socket
import ssl
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Self
from weakref import WeakKeyDictionary

import httpx
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy.engine import URL

from app.api.state import AppState, Clock
from app.main import create_app
from app.push.deadlines import PRODUCTION, Deadlines
from app.push.endpoint_policy import HTTPS_PORT
from app.push.ssrf_guard import Network
from app.push.vapid import VapidKey
from app.server.connection_context import CONTEXT, ConnectionContext, Timeouts
from app.server.connection_limits import ConnectionLimits
from app.settings import Settings
from tests.people import Person, body, now_ms
from tests.push_service.crypto import base64url, p256
from tests.push_service.crypto.decrypt import decrypt
from tests.vector_files import subscription_json

PATIENCE_S = 15  # more than a push may take in all
SLOW_S = 30  # for the look-up of a name that hangs
HELD_S = 0.5  # for the end of a connection that nobody reads any more

# The IPv6 one needs no IPv6 but in sockets: containers often have no ::1.
LOOPBACK = {4: "127.0.0.1", 6: "::ffff:127.0.0.1"}
EVERYWHERE = "every other address"

# Of each name the addresses, or one list of them after the other; the last one stays.
Names = Mapping[str, Sequence[str] | Sequence[Sequence[str]]]


@dataclass(frozen=True)
class Request:
    """Request as it came: the name that TLS asked for, and the bytes, neither decoded nor normalised."""

    name: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


async def created(_: Request, writer: asyncio.StreamWriter) -> None:
    """Take a message, and close: every push is a connection of its own."""
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


class CertificateAuthority:
    """Certificate authority, the only one that is trusted here."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self._own = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))

    def trusted(self) -> ssl.SSLContext:
        """Return what a client needs, as strict as the default."""
        return ssl.create_default_context(cadata=self._own.public_bytes(Encoding.PEM).decode())

    def context(
        self, *names: str, age: timedelta = timedelta(0), signed_by: "CertificateAuthority | None" = None
    ) -> ssl.SSLContext:
        """Return what a server needs to be all the *names*; certificates last a day from their *age* on."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        certificate = (signed_by or self)._sign(subject, key, san, age)  # noqa: SLF001 - of the same class
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as chain:  # ssl reads files only
            secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            chain.write(secret + certificate.public_bytes(Encoding.PEM))
            chain.flush()
            context.load_cert_chain(chain.name)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        age: timedelta = timedelta(0),
    ) -> x509.Certificate:
        began = datetime.now(UTC) - timedelta(hours=1) - age
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(began).not_valid_after(began + timedelta(days=1))
        return builder.add_extension(extension, critical=True).sign(self._key, SHA256())


class _RedirectedSocket(socket.socket):
    """Real socket that is led to loopback when it connects."""

    def __init__(self, internet: "Internet", family: int, kind: int, proto: int) -> None:
        super().__init__(family, kind, proto)
        self._internet = internet

    def connect(self, address: Any) -> None:  # noqa: ANN401 - as socket has it
        """Connect to what stands for *address* here."""
        super().connect(self._internet.lead(str(address[0]), int(address[1])))


class Internet:
    """Network of a server, and a record of what the server did there.

    *look_ups* counts queries by name, *connected* has every address that a socket was told to connect to,
    *requests* what arrived. *answers* are by name; a name without one takes every message.
    """

    def __init__(self, names: Names, authority: CertificateAuthority) -> None:
        self.names = names
        self.authority = authority
        self.look_ups: Counter[str] = Counter()
        self.connected: list[tuple[str, int]] = []
        self.requests: list[Request] = []
        self.answers: dict[str, Answer] = {}
        self.slow: set[str] = set()
        self.awake = threading.Event()
        self._asked_for: WeakKeyDictionary[object, str] = WeakKeyDictionary()
        self._doors: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []
        self._served: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def running(cls, names: Names) -> AsyncIterator[Self]:
        """Serve all *names* with one certificate, over IPv4 and IPv6, until the block ends."""
        authority = CertificateAuthority()
        internet = cls(names, authority)
        context = authority.context(*names)
        try:
            await internet.open(EVERYWHERE, context)
            yield internet
        finally:
            await internet.close()

    @property
    def network(self) -> Network:
        """What the application takes for the network."""
        return Network(self.look_up, self.make_socket, self.authority.trusted())

    async def open(self, address: str, context: ssl.SSLContext | None) -> None:
        """Serve at *address* in a way of its own; without a *context* nobody ever answers."""
        if context:
            context.sni_callback = self._note_name
        serve = self._serve if context else self._ignore
        server = await asyncio.start_server(serve, LOOPBACK[4], 0, ssl=context)
        self._doors[address] = server.sockets[0].getsockname()[1]
        self._servers.append(server)

    async def close(self) -> None:
        """Hang up, and let go of the look-ups that hang."""
        self.awake.set()
        for server in self._servers:
            server.close()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    def forget(self) -> None:
        """Begin to count anew."""
        self.look_ups.clear()
        self.connected.clear()
        self.requests.clear()

    def look_up(self, host: str, port: int, family: int, kind: int) -> list[Any]:
        """Answer like `socket.getaddrinfo`, from the table only."""
        self.look_ups[host] += 1
        if host in self.slow:
            self.awake.wait(SLOW_S)
        answer = self.names.get(host, ())
        addresses: Any = answer
        if answer and not isinstance(answer[0], str):
            addresses = answer[min(self.look_ups[host], len(answer)) - 1]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        flags = socket.AI_NUMERICHOST
        return [
            entry
            for address in addresses
            for entry in socket.getaddrinfo(address, port, family, kind, flags=flags)
        ]

    def make_socket(self, family: int, kind: int, proto: int) -> socket.socket:
        """Make a socket of this Internet."""
        return _RedirectedSocket(self, family, kind, proto)

    def lead(self, address: str, port: int) -> tuple[str, int]:
        """Return where *address* is on loopback. Raise `OSError` for what is not a public https server."""
        self.connected.append((address, port))
        ip = ip_address(address)
        if not ip.is_global or port != HTTPS_PORT:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return LOOPBACK[ip.version], self._doors.get(address, self._doors[EVERYWHERE])

    def _note_name(self, connection: object, name: str | None, _: ssl.SSLContext) -> None:
        self._asked_for[connection] = name or ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _hung_up(self._served, writer):
            name = self._asked_for.get(writer.get_extra_info("ssl_object"), "")
            with suppress(OSError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    request = await _read(reader, name)
                    self.requests.append(request)
                    await self.answers.get(name, created)(request, writer)
                    await writer.drain()

    async def _ignore(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _hung_up(self._served, writer):
            await reader.read()


async def _read(reader: asyncio.StreamReader, name: str) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(name, method, target, headers, await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def _hung_up(served: set[asyncio.Task[Any]], writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Keep the present task among *served*, and in the end hang up, whether or not the peer does."""
    task = asyncio.current_task()
    assert task
    served.add(task)
    try:
        yield
    finally:
        served.discard(task)
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(HELD_S):
                await writer.wait_closed()
        writer.transport.abort()


class PushReceiver:
    """Receiver of a push subscription, which decrypts its messages."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = secrets.token_bytes(16)

    def at(self, endpoint: Any) -> dict[str, Any]:  # noqa: ANN401 - an endpoint may be any JSON here
        """Return its subscription at *endpoint*."""
        point = p256.point_of(self._key.public_key())
        return subscription_json(endpoint, base64url.encode(point), base64url.encode(self._auth))

    def read(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Decrypt what a push service got."""
        return json.loads(decrypt(request.body, self._key, self._auth))


def settings_for(database: URL, *push_endpoints: str) -> Settings:
    """Return settings that reach *push_endpoints*, without limits for callers."""
    return Settings(
        _env_file=None,
        database_url=database.render_as_string(hide_password=False),
        vapid_private_key=VapidKey.generate().private_text,
        vapid_subject="mailto:operator@example.org",
        push_endpoints=push_endpoints,
        rate_limits=False,
    )


def give_context(state: AppState) -> dict[str, object]:
    """Give connections what `whisper serve` gives them."""
    return {CONTEXT: ConnectionContext.of(state, ConnectionLimits(1000, 1000, ()), Timeouts())}


@asynccontextmanager
async def whisper(
    settings: Settings, network: Network, clock: Clock = now_ms, deadlines: Deadlines = PRODUCTION
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the application on *network* as `whisper serve` does, and yield a client of it."""
    app = create_app(settings, clock, network, clock, deadlines, give_context)
    http = "app.server.http_protocol:HttpProtocol"
    config = uvicorn.Config(app, interface="asgi3", http=http, ws="none", log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    # Only a socket that says TCP is spared Nagle's delays by asyncio.
    with socket.socket(proto=socket.IPPROTO_TCP) as door:
        door.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve([door]))
        while not server.started:
            await asyncio.sleep(0.005)
        host, port = door.getsockname()
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=PATIENCE_S) as client:
            yield client
        server.should_exit = True
        await serving


async def post(client: httpx.AsyncClient, call: dict[str, Any]) -> httpx.Response:
    """Post *call* to the path of its method."""
    return await client.post(f"/{call['a']}", content=body(call))


def update(person: Person, subscription: dict[str, Any], code: str | None = None) -> dict[str, Any]:
    """Return an update, with the *code* of a verification push."""
    data = {"a": person.address.text, "b": subscription, "d": code}
    return person.call("update", {name: value for name, value in data.items() if value is not None})
