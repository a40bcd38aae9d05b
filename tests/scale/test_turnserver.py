"""The TURN server as deploy/turnserver.sh starts it: transports, denied peers, quota, certificate renewal."""

import asyncio
import hmac
import os
import ssl
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aioice.stun import TransactionFailed
from aioice.turn import TurnClientMixin, TurnClientTcpProtocol, TurnClientUdpProtocol

from tests.deploy.compose_files import ROOT
from tests.deploy.test_turn import write_stub
from tests.processes import Program, program
from tests.scale.certificate import write_certificate
from tests.scale.programs import changed, free_port

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.geteuid() != 0, reason="the script gives up being root, as in its container"),
]

KEY = "shared"
PUBLIC = "198.51.100.7"
PUBLIC_IPV6 = "2a00::7"
QUOTA = 3
IPV4_PEERS = ["8.8.8.8"], ["10.0.0.1", "0.0.0.0", "127.0.0.1", "169.254.169.254", "192.88.99.1", "224.0.0.1"]  # noqa: S104 - refused
IPV6_PEERS = (
    ["2606:4700::1111"],
    [
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "100::1",
        "2002:a00:1::",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
# The capabilities that docker-compose.yml leaves to the container.
CAPABILITIES = "-all,+chown,+kill,+net_bind_service,+setgid,+setuid"


@dataclass
class Turn:
    """A running TURN server."""

    port: int
    tls_port: int
    certificates: Path
    running: Program
    trust: ssl.SSLContext

    @asynccontextmanager
    async def open_tcp(
        self, user: str, trust: ssl.SSLContext | None = None
    ) -> AsyncIterator[TurnClientMixin]:
        """Yield a client by TCP, or by TLS for those who *trust* a certificate; it has no allocation yet."""
        server = ("127.0.0.1", self.tls_port if trust else self.port)
        connecting = asyncio.get_running_loop().create_connection(
            lambda: TurnClientTcpProtocol(server, *make_credentials(user), 600, 500), *server, ssl=trust
        )
        transport, client = await connecting
        try:
            yield client
        finally:
            transport.abort()  # a close by TLS ends only when the server says so, maybe after the loop

    @asynccontextmanager
    async def open_udp(self, user: str) -> AsyncIterator[TurnClientMixin]:
        """Yield a client by UDP; it has no allocation yet."""
        server = ("127.0.0.1", self.port)
        transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: TurnClientUdpProtocol(server, *make_credentials(user), 600, 500), remote_addr=server
        )
        try:
            yield client
        finally:
            transport.close()


def make_credentials(user: str) -> tuple[str, str]:
    """Return a user name and a password that are valid for an hour."""
    username = f"{int(time.time()) + 3600}:{user}"
    return username, b64encode(hmac.digest(KEY.encode(), username.encode(), "sha1")).decode()


def write_caddy_certificate(folder: Path, name: str) -> ssl.SSLContext:
    """Write a certificate for call.test as Caddy does; return what a client needs to trust it."""
    trust = write_certificate(folder / name)
    target = folder / "acme" / "call.test"
    target.mkdir(parents=True, exist_ok=True)
    for source, suffix in (("privkey.pem", "key"), ("fullchain.pem", "crt")):
        (folder / name / source).chmod(0o600)
        (folder / name / source).replace(target / f"call.test.{suffix}")
    return trust


@pytest.fixture
def family() -> str:
    """Return the address family of relays."""
    return "ipv4"


@pytest.fixture
def turn(family: str) -> Iterator[Turn]:
    """Run it with a certificate, and with the capabilities of its container."""
    with tempfile.TemporaryDirectory(prefix="turn") as directory:
        home = Path(directory)
        home.chmod(0o755)  # the server gives up being root
        trust = write_caddy_certificate(home, "first")
        port, tls_port = free_port(), free_port()
        write_stub(home / "bin", "hostname", "echo 127.0.0.1 ::1")
        start = 'exec turnserver -c "$conf"'
        ports = f"--listening-ip=127.0.0.1 --listening-port={port} --tls-listening-port={tls_port}"
        relays = f"--allocation-default-address-family={family}"
        script = changed((ROOT / "deploy/turnserver.sh").read_text(), {start: f"{start} {ports} {relays}"})
        (home / "turnserver.sh").write_text(script)
        env = {
            "PATH": f"{home}/bin:{os.environ['PATH']}:/usr/sbin",
            "DOMAIN": "call.test",
            "TURN_SECRET": KEY,
            "TURN_EXTERNAL_IP": PUBLIC,
            "TURN_EXTERNAL_IPV6": PUBLIC_IPV6,
            "TURN_USER_QUOTA": str(QUOTA),
            "CADDY_CERTIFICATES": str(home),
            "CADDY_POLL_S": "0.2",
            "TMPDIR": str(home),
        }
        confined = ("setpriv", "--inh-caps=-all", f"--bounding-set={CAPABILITIES}", "--no-new-privs")
        with program(*confined, "sh", str(home / "turnserver.sh"), env=env) as running:
            running.wait_for("New UID: nobody")
            yield Turn(port, tls_port, home, running, trust)


async def test_a_relay_is_allocated_by_udp_tcp_and_tls(turn: Turn) -> None:
    """For networks that block UDP, or all but TLS; the address is the public one."""
    async with turn.open_udp("a") as udp, turn.open_tcp("b") as tcp, turn.open_tcp("c", turn.trust) as tls:
        relayed = [await client.connect() for client in (udp, tcp, tls)]
        await asyncio.gather(*(client.delete() for client in (udp, tcp, tls)))

    assert [address for address, _ in relayed] == [PUBLIC] * 3


@pytest.mark.parametrize(
    ("family", "told", "peers"), [("ipv4", PUBLIC, IPV4_PEERS), ("ipv6", PUBLIC_IPV6, IPV6_PEERS)]
)
async def test_a_relay_leads_to_public_addresses_only(
    turn: Turn, told: str, peers: tuple[list[str], list[str]]
) -> None:
    """A special one is answered 403, of both families; peers are told the public address of each."""
    public, special = peers

    async def answer_to(client: TurnClientMixin, number: int, peer: str) -> int:
        try:
            await client.channel_bind(0x4000 + number, (peer, 9))
        except TransactionFailed as refused:
            return int(refused.response.attributes["ERROR-CODE"][0])
        return 200

    async with turn.open_udp("a") as client:
        relayed, _ = await client.connect()
        answers = {
            each: await answer_to(client, number, each) for number, each in enumerate(public + special)
        }
        await client.delete()

    assert relayed == told
    assert answers == dict.fromkeys(public, 200) | dict.fromkeys(special, 403)


async def test_a_user_has_a_quota(turn: Turn) -> None:
    """Which is counted without the time in the user's name; somebody else still gets a relay."""
    async with AsyncExitStack() as opened:
        mine = [await opened.enter_async_context(turn.open_udp("mallory")) for _ in range(QUOTA + 1)]
        for client in mine[:QUOTA]:
            await client.connect()
        with pytest.raises(TransactionFailed) as refused:
            await mine[QUOTA].connect()
        other = await opened.enter_async_context(turn.open_udp("alice"))
        await other.connect()
        await asyncio.gather(*(client.delete() for client in (*mine[:QUOTA], other)))

    assert refused.value.response.attributes["ERROR-CODE"][0] == 486


async def test_a_renewed_certificate_is_used(turn: Turn) -> None:
    """Without a restart: a relay that is there stays."""
    async with turn.open_tcp("a", turn.trust) as before:
        await before.connect()
        renewed = write_caddy_certificate(turn.certificates, "second")
        turn.running.wait_for("Reloading TLS certificates and keys")
        await asyncio.sleep(0.5)
        async with turn.open_tcp("b", renewed) as after:
            assert (await after.connect())[0] == PUBLIC
            await after.delete()
        await before.delete()
