"""Parsing and checks of single setting values; each raises `ValueError` with what is wrong."""

import re
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path

from pydantic import SecretStr

from app import lazy_imports
from app.limits.token_bucket import Rate
from app.push import ip_addresses
from app.push.endpoint_policy import EndpointPolicy
from app.push.http.proxy import EgressProxy
from app.store.url import parse_url

# As browsers spell an origin (RFC 6454, section 6.2), those of their extensions included.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

MAX_PORT = 65_535

# An IP address and a port, or the path of a Unix socket.
ListenAddress = tuple[str, int] | Path

_ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")

_COLLECTOR = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")


def split(text: object) -> object:
    """Return the parts of a text with commas."""
    if not isinstance(text, str):
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def check_ice_urls(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Raise `ValueError` unless each is a STUN or TURN URL (RFC 7064, RFC 7065)."""
    if not all(url.startswith(("stun:", "stuns:", "turn:", "turns:")) for url in urls):
        raise ValueError("each must begin with stun:, stuns:, turn: or turns:")
    return urls


def check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Raise `ValueError` unless each is `*` or an origin."""
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("each must be * or an origin like https://app.example.org, without a path")
    return origins


def check_push_endpoints(names: tuple[str, ...]) -> tuple[str, ...]:
    """Raise `ValueError` unless they make an `EndpointPolicy`."""
    try:
        EndpointPolicy.parse(names)
    except ValueError:
        raise ValueError("each must be browsers, public or an origin like https://push.example.org") from None
    return names


def check_egress_proxy(url: SecretStr) -> SecretStr:
    """Raise `ValueError` unless it is the URL of a proxy."""
    EgressProxy.parse(url.get_secret_value())
    return url


def parse_nat64_prefix(text: object) -> object:
    """Return the prefix in a text like `2001:db8:64::/96`."""
    return ip_addresses.parse_nat64_prefix(text) if isinstance(text, str) else text


def check_database_url(url: SecretStr) -> SecretStr:
    """Raise `ValueError` unless it is the URL of a Postgres."""
    parse_url(url.get_secret_value())
    return url


def check_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    """Raise `ValueError` unless each is an IP network."""
    for network in networks:
        ip_network(network)
    return networks


def parse_listen_address(text: object) -> object:
    """Return an IP address and a port, or the path of a Unix socket."""
    if not isinstance(text, str):
        return text
    if "/" in text:
        return Path(text)
    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
        if not 0 < int(port) <= MAX_PORT:
            raise ValueError
    except ValueError:
        raise ValueError("must be like 127.0.0.1:9464, [::1]:9464 or /run/whisper/metrics.sock") from None
    return str(address), int(port)


def check_otlp_endpoint(url: str) -> str:
    """Raise `ValueError` unless it is a URL and the exporter is installed."""
    if not _COLLECTOR.fullmatch(url):
        raise ValueError("must be the URL of a collector like http://127.0.0.1:4318")
    try:
        found = find_spec("opentelemetry.sdk") and find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        found = None
    if not found:
        raise ValueError(f"OpenTelemetry is not installed: {lazy_imports.INSTALL.format('tracing')}")
    return url


def check_redis_url(url: SecretStr) -> SecretStr:
    """Raise `ValueError` unless it is a URL that the Redis client takes, and the client is installed."""
    try:
        client = lazy_imports.redis()
    except lazy_imports.MissingExtra as missing:
        raise ValueError(str(missing)) from None
    try:
        pool = client.ConnectionPool.from_url(url.get_secret_value())
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError):
        raise ValueError("must be a URL like redis://:password@host:6379/0, or rediss:// for TLS") from None
    return url


def check_root_path(path: str) -> str:
    """Return the path prefix without its slash at the end. Raise `ValueError` unless it is a plain path."""
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError("must be a path like /whisper, of letters, digits and . _ ~ -")
    return path.rstrip("/")


def parse_rate(text: object) -> object:
    """Return the rate in a text like `5/50s`."""
    return Rate.parse(text) if isinstance(text, str) else text
