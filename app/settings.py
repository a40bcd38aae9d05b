"""WHISPER_… environment variables, or a .env file, as typed and frozen values. Secrets are masked."""

import re
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.limits.token_bucket import Rate
from app.protocol.numbers import CLOCK_WINDOW_MS
from app.push.guard import EndpointPolicy
from app.push.vapid import InvalidVapidKey, Keyring, Vapid, parse_keys
from app.store.database import parse_url

PREFIX = "WHISPER_"

WEB_APP = Path(__file__).parents[1] / "web"  # like migrations/, beside the code

# As browsers spell an origin (RFC 6454, section 6.2), those of their extensions included.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

_COLLECTOR = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")


class InvalidSettings(Exception):
    """The settings can't work: a line for each fault, naming its variable."""


def _split(text: object) -> object:
    if not isinstance(text, str):
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _ice_urls(urls: tuple[str, ...]) -> tuple[str, ...]:
    if not all(url.startswith(("stun:", "stuns:", "turn:", "turns:")) for url in urls):
        raise ValueError("each must begin with stun:, stuns:, turn: or turns:")
    return urls


def _cors_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("each must be * or an origin like https://app.example.org, without a path")
    return origins


def _push_endpoints(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        EndpointPolicy.parse(names)
    except ValueError:
        raise ValueError("each must be browsers, public or an origin like https://push.example.org") from None
    return names


def _database_url(url: SecretStr) -> SecretStr:
    parse_url(url.get_secret_value())
    return url


def _networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for network in networks:
        ip_network(network)
    return networks


def _metrics(networks: tuple[str, ...]) -> tuple[str, ...]:
    if networks == ("off",):
        return ()
    try:
        return _networks(networks)
    except ValueError:
        raise ValueError("must be off, or networks like 127.0.0.0/8,10.0.0.0/8") from None


def _otlp_endpoint(url: str) -> str:
    if not _COLLECTOR.fullmatch(url):
        raise ValueError("must be the URL of a collector like http://127.0.0.1:4318")
    try:
        found = find_spec("opentelemetry.sdk") and find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        found = None
    if not found:
        raise ValueError("tracing is not installed: pip install 'whisper-server[tracing]'")
    return url


def _redis_url(url: SecretStr) -> SecretStr:
    try:
        from redis.asyncio import ConnectionPool  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        raise ValueError("Redis's client is not installed: pip install 'whisper-server[redis]'") from None
    try:
        pool = ConnectionPool.from_url(url.get_secret_value())
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError):
        raise ValueError("must be a URL like redis://:password@host:6379/0, or rediss:// for TLS") from None
    return url


def _rate(text: object) -> object:
    return Rate.parse(text) if isinstance(text, str) else text


RateText = Annotated[Rate, NoDecode, BeforeValidator(_rate)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Everything an operator may decide. `.env.example` gives each default and its reason."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = None
    database_replica_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = None
    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)] | None = None
    data_dir: Path = Path(".whisper")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=256)
    vapid_private_key: SecretStr | None = None
    vapid_subject: str | None = None
    clock_window_seconds: float = Field(default=CLOCK_WINDOW_MS / 1000, gt=0, le=300)
    push_endpoints: Annotated[Names, AfterValidator(_push_endpoints)] = ("browsers",)
    cors_origins: Annotated[Names, AfterValidator(_cors_origins)] = ("*",)
    web_app: bool = True
    ice_servers: Annotated[Names, AfterValidator(_ice_urls)] = ()
    turn_secret: SecretStr | None = None
    trusted_proxies: Annotated[Names, AfterValidator(_networks)] = ()
    max_in_flight: int = Field(default=512, ge=1)
    rate_limits: bool = True
    limit_dial: RateText = Rate(5, 50)
    limit_calls: RateText = Rate(60, 60)
    limit_recipient: RateText = Rate(60, 60)
    limit_recipient_hour: RateText = Rate(1000, 3600)
    limit_updates: RateText = Rate(10, 60)
    limit_new_addresses: RateText = Rate(30, 3600)
    limit_refused_signatures: RateText = Rate(20, 60)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    metrics: Annotated[Names, AfterValidator(_metrics)] = ("127.0.0.0/8", "::1")
    otlp_endpoint: Annotated[str, AfterValidator(_otlp_endpoint)] | None = None

    @model_validator(mode="after")
    def _turn_needs_its_secret(self) -> Self:
        if self.turn_secret is None and any(url.startswith("turn") for url in self.ice_servers):
            raise ValueError(f"{PREFIX}TURN_SECRET is missing: {PREFIX}ICE_SERVERS names a TURN server")
        return self

    @property
    def clock_window_ms(self) -> int:
        """How far a timestamp may be from the server's clock, ms."""
        return round(self.clock_window_seconds * 1000)

    @property
    def rates(self) -> dict[str, Rate]:
        """The limits by name, none when they are off."""
        if not self.rate_limits:
            return {}
        names = [name for name in type(self).model_fields if name.startswith("limit_")]
        return {name.removeprefix("limit_"): getattr(self, name) for name in names}

    @property
    def endpoint_policy(self) -> EndpointPolicy:
        """The push services this server may send to."""
        return EndpointPolicy.parse(self.push_endpoints)

    def require_web_app(self) -> Path | None:
        """Return the web app's folder, `None` when it is off. Raise `InvalidSettings` if it is not there."""
        if not self.web_app:
            return None
        if not WEB_APP.is_dir():
            raise InvalidSettings(
                f"{PREFIX}WEB_APP is on, but there is no {WEB_APP}: put it there, or say off."
            )
        return WEB_APP

    def require_database_url(self) -> str:
        """Return the database's URL. Raise `InvalidSettings` when there is none."""
        if self.database_url is None:
            raise InvalidSettings(
                f"{PREFIX}DATABASE_URL is missing: postgresql://user:password@host/name; "
                "`whisper serve` does without, on an embedded Postgres."
            )
        return self.database_url.get_secret_value()

    def require_vapid(self) -> Keyring:
        """Return the server's identities to push services. Raise `InvalidSettings` when one can't sign."""
        if self.vapid_private_key is None or self.vapid_subject is None:
            missing = "PRIVATE_KEY" if self.vapid_private_key is None else "SUBJECT"
            raise InvalidSettings(
                f"{PREFIX}VAPID_{missing} is missing: `whisper vapid` prints a pair for .env."
            )
        try:
            keys = parse_keys(self.vapid_private_key.get_secret_value())
        except InvalidVapidKey as fault:
            raise InvalidSettings(f"{PREFIX}VAPID_PRIVATE_KEY: {fault}.") from None
        keyring = Keyring([Vapid(key, self.vapid_subject) for key in keys])
        try:
            keyring.newest.check()
        except InvalidVapidKey as fault:
            raise InvalidSettings(f"{PREFIX}VAPID_SUBJECT: {fault}.") from None
        return keyring


def load(**overrides: object) -> Settings:
    """Return the settings, *overrides* first. Raise `InvalidSettings` naming each variable that is wrong."""
    try:
        return Settings.model_validate({}) if not overrides else Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as invalid:
        faults = invalid.errors(include_url=False, include_input=False)
        raise InvalidSettings("\n".join(map(_sentence, faults))) from None


def _sentence(fault: ErrorDetails) -> str:
    reason = fault.get("ctx", {}).get("error") if fault["type"] == "value_error" else None
    variable = f"{PREFIX}{str(fault['loc'][0]).upper()}: " if fault["loc"] else ""
    return f"{variable}{reason or fault['msg']}."
