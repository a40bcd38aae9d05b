"""nginx, Caddy, PgBouncer and Redis as `deploy/` configures them, at ports of this machine."""

import os
import random
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.processes import ROOT, Program, installed, program

NGINX_CONF = (ROOT / "deploy/nginx.conf").read_text()
CADDYFILE = (ROOT / "deploy/Caddyfile").read_text()
PGBOUNCER_INI = (ROOT / "deploy/pgbouncer.ini").read_text()
# Of the sessions that Postgres has for all instances: so few that statements of all share each of them.
SESSIONS = 4
PORTS = range(20_000, 32_000)  # below the ephemeral ones, which begin at 32768
UNCHANGED: Mapping[str, str] = {}


def free_port() -> int:
    """Return a port where nobody listens, of those that the system gives to no connection meanwhile."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as door, suppress(OSError):
            door.bind(("127.0.0.1", port))
            return port


def changed(text: str, changes: Mapping[str, str]) -> str:
    """Return a configuration with these *changes*; each must have something to change."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx_conf(home: Path, https: int, instances: Sequence[int], tls: Path) -> str:
    """Return the configuration of deploy/ for *instances* at these ports; *tls* has the certificate."""
    places = {f"whisper{number}:8000": f"127.0.0.1:{port}" for number, port in enumerate(instances, 1)}
    paths = "".join(
        f"    {kind}_temp_path {home}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return changed(
        NGINX_CONF,
        places
        | {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
            "/etc/nginx/tls": str(tls),
            "/run/nginx.pid": f"{home}/nginx.pid",
            "http {\n": f"http {{\n{paths}",
        },
    )


@contextmanager
def nginx(home: Path, conf: str) -> Iterator[Program]:
    """Run nginx until the block ends."""
    home.mkdir(exist_ok=True)
    (home / "nginx.conf").write_text(conf)
    with program(installed("nginx"), "-p", str(home), "-c", "nginx.conf", "-g", "daemon off;") as running:
        yield running


def caddyfile(home: Path, https: int, server: int, tls: Path) -> str:
    """Return deploy/'s configuration at port *https*, for a server at port *server*, with *tls*'s files."""
    ports = f"http_port {free_port()}\n\thttps_port {https}\n\tstorage file_system {home}"
    changes = {
        "\tadmin off": f"\tadmin off\n\t{ports}",
        "{$DOMAIN:localhost} {": "{$DOMAIN:localhost} {\n\tbind 127.0.0.1\n"
        # As its own authority, Caddy may clean away the folder that it has just made for the certificate.
        f"\ttls {tls}/fullchain.pem {tls}/privkey.pem",
        "whisper:8000": f"127.0.0.1:{server}",
    }
    return changed(CADDYFILE, changes)


@contextmanager
def caddy(home: Path, conf: str) -> Iterator[Program]:
    """Run Caddy until the block ends."""
    home.mkdir(exist_ok=True)
    (home / "Caddyfile").write_text(conf)
    arguments = ("run", "--config", str(home / "Caddyfile"), "--adapter", "caddyfile")
    with program(installed("caddy"), *arguments, env={"DOMAIN": "localhost", "HOME": str(home)}) as running:
        running.wait_for("serving initial configuration")
        yield running


@contextmanager
def pgbouncer(home: Path, database: str, postgres_port: int, port: int) -> Iterator[Program]:
    """Run PgBouncer in front of the Postgres at *postgres_port* until the block ends."""
    home.mkdir(exist_ok=True)
    home.chmod(0o755)  # it gives up being root
    ini = home / "pgbouncer.ini"
    place = f"whisper = host=127.0.0.1 port={postgres_port} dbname={database} user=whisper"
    changes = {
        "whisper = host=postgres port=5432 dbname=whisper": place,
        "listen_addr = 0.0.0.0": "listen_addr = 127.0.0.1",
        "listen_port = 6432": f"listen_port = {port}",
        "auth_type = scram-sha-256\nauth_file = /tmp/userlist.txt": "auth_type = any\nunix_socket_dir =",
        "default_pool_size = 32": f"default_pool_size = {SESSIONS}",
    }
    ini.write_text(changed(PGBOUNCER_INI, changes))
    as_nobody = ("-u", "nobody") if os.geteuid() == 0 else ()
    with program(installed("pgbouncer"), *as_nobody, str(ini)) as running:
        running.wait_for("process up")
        yield running


@contextmanager
def redis(port: int) -> Iterator[Program]:
    """Run Redis at *port* until the block ends; it keeps nothing."""
    arguments = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with program(installed("redis-server"), *arguments) as running:
        running.wait_for("Ready to accept connections")
        yield running
