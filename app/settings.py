"""Settings from environment variables `WHISPER_…` and `.env`, typed and frozen; secrets are masked."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.limits.concurrency import SHARES
from app.limits.token_bucket import Rate
from app.protocol.constants import CLOCK_WINDOW_MS, MAX_DEVICES
from app.push.endpoint_policy import EndpointPolicy
from app.push.http.proxy import EgressProxy
from app.push.ssrf_guard import INTERNET, Network
from app.push.vapid import (
    InvalidVapidKey,
    InvalidVapidSubject,
    Keyring,
    VapidSigner,
    check_subject,
    parse_keys,
)
from app.setting_validators import (
    ListenAddress,
    check_database_url,
    check_egress_proxy,
    check_ice_urls,
    check_networks,
    check_origins,
    check_otlp_endpoint,
    check_push_endpoints,
    check_redis_url,
    check_root_path,
    parse_listen_address,
    parse_nat64_prefix,
    parse_rate,
    split,
)

PREFIX = "WHISPER_"

# In a wheel they are inside the package, in the source beside it.
_PACKAGE = Path(__file__).parent
_ROOT = _PACKAGE if (_PACKAGE / "web").is_dir() else _PACKAGE.parent
WEB_APP = _ROOT / "web"
CLIENT = _ROOT / "client"
# By URL prefix. The page imports the client from `/client`; `/js` is its public address, for other origins.
WEB_FOLDERS: Mapping[str, Path] = MappingProxyType({"": WEB_APP, "/client": CLIENT, "/js": CLIENT})


class InvalidSettings(Exception):
    """The settings can't work: a line for each fault, naming its variable."""


RateText = Annotated[Rate, NoDecode, BeforeValidator(parse_rate)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]


class Settings(BaseSettings):
    """Settings of a server. `.env.example` gives each default and its reason."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[SecretStr, AfterValidator(check_database_url)] | None = None
    database_replica_url: Annotated[SecretStr, AfterValidator(check_database_url)] | None = None
    redis_url: Annotated[SecretStr, AfterValidator(check_redis_url)] | None = None
    data_dir: Path = Path(".whisper")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    root_path: Annotated[str, AfterValidator(check_root_path)] = ""
    workers: int = Field(default=1, ge=1, le=256)
    vapid_private_key: SecretStr | None = None
    vapid_subject: str | None = None
    clock_window_seconds: float = Field(default=CLOCK_WINDOW_MS / 1000, gt=0, le=300)
    push_endpoints: Annotated[Names, AfterValidator(check_push_endpoints)] = ("browsers",)
    nat64_prefix: Annotated[IPv6Network, BeforeValidator(parse_nat64_prefix)] | None = None
    egress_proxy: Annotated[SecretStr, AfterValidator(check_egress_proxy)] | None = None
    cors_origins: Annotated[Names, AfterValidator(check_origins)] = ("*",)
    web_app: bool = True
    ice_servers: Annotated[Names, AfterValidator(check_ice_urls)] = ()
    turn_secret: SecretStr | None = None
    trusted_proxies: Annotated[Names, AfterValidator(check_networks)] = ()
    max_in_flight: int = Field(default=1024, ge=1)
    max_connections_per_client: int = Field(default=2000, ge=1)
    keep_alive_seconds: float = Field(default=75, gt=0, le=3600)
    rate_limits: bool = True
    limit_dial: RateText = Rate(5, 50)
    limit_calls: RateText = Rate(40, 240)
    limit_client_calls: RateText = Rate(40, 240)
    limit_recipient: RateText = Rate(60, 60)
    limit_recipient_hour: RateText = Rate(1000, 3600)
    limit_updates: RateText = Rate(10, 60)
    limit_new_addresses: RateText = Rate(30, 3600)
    limit_refused_signatures: RateText = Rate(20, 60)
    limit_unknown_recipients: RateText = Rate(60, 60)
    limit_unregistered_senders: RateText = Rate(60, 60)
    max_devices: int = Field(default=MAX_DEVICES, ge=1, le=20)
    max_waiting_repeats: int = Field(default=4, ge=0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    metrics_listen: Annotated[
        ListenAddress | None,
        NoDecode,
        BeforeValidator(parse_listen_address),
    ] = None
    otlp_endpoint: Annotated[str, AfterValidator(check_otlp_endpoint)] | None = None

    @model_validator(mode="after")
    def _turn_needs_its_secret(self) -> Self:
        if self.turn_secret is None and any(url.startswith("turn") for url in self.ice_servers):
            raise ValueError(f"{PREFIX}TURN_SECRET is missing: {PREFIX}ICE_SERVERS names a TURN server")
        return self

    @model_validator(mode="after")
    def _metrics_need_a_port_of_their_own(self) -> Self:
        if isinstance(self.metrics_listen, tuple) and self.metrics_listen[1] == self.port:
            raise ValueError(f"{PREFIX}METRICS_LISTEN: the port must be another than {PREFIX}PORT")
        return self

    @property
    def clock_window_ms(self) -> int:
        """Greatest difference between a timestamp and the server's clock, ms."""
        return round(self.clock_window_seconds * 1000)

    @property
    def shares(self) -> Mapping[str, float]:
        """The part of the places in flight for each kind of holder, none when limits are off."""
        return SHARES if self.rate_limits else {}

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

    def network(self, base: Network = INTERNET) -> Network:
        """Return the network that pushes go over: *base* with the operator's NAT64 prefix and proxy."""
        proxy = EgressProxy.parse(self.egress_proxy.get_secret_value()) if self.egress_proxy else None
        return replace(base, nat64_prefix=self.nat64_prefix, proxy=proxy)

    def require_web_app(self) -> Mapping[str, Path]:
        """Return the folders of the web app, none when off. Raise `InvalidSettings` if one is missing."""
        if not self.web_app:
            return {}
        for folder in WEB_FOLDERS.values():
            if not folder.is_dir():
                raise InvalidSettings(
                    f"{PREFIX}WEB_APP is on, but there is no {folder}: put it there, or say off."
                )
        return WEB_FOLDERS

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
            values = {"PRIVATE_KEY": self.vapid_private_key, "SUBJECT": self.vapid_subject}
            missing = [f"{PREFIX}VAPID_{name}" for name, value in values.items() if value is None]
            verb = "is" if len(missing) == 1 else "are"
            raise InvalidSettings(
                f"{' and '.join(missing)} {verb} missing: `whisper vapid` prints a pair for .env."
            )
        try:
            keys = parse_keys(self.vapid_private_key.get_secret_value())
        except InvalidVapidKey as fault:
            raise InvalidSettings(f"{PREFIX}VAPID_PRIVATE_KEY: {fault}.") from None
        try:
            check_subject(self.vapid_subject, for_browsers=self.endpoint_policy.has_browsers)
        except InvalidVapidSubject as fault:
            raise InvalidSettings(f"{PREFIX}VAPID_SUBJECT: {fault}.") from None
        return Keyring([VapidSigner(key, self.vapid_subject) for key in keys])


def load(**overrides: object) -> Settings:
    """Return the settings, *overrides* first. Raise `InvalidSettings` naming each variable that is wrong."""
    _require_text(Path(".env"))
    try:
        return Settings.model_validate({}) if not overrides else Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as invalid:
        faults = invalid.errors(include_url=False, include_input=False)
        raise InvalidSettings("\n".join(map(_sentence, faults))) from None


def _require_text(file: Path) -> None:
    try:
        file.read_text("utf-8")
    except UnicodeDecodeError:
        raise InvalidSettings(f"{file.absolute()} is not UTF-8 text.") from None
    except OSError:
        return  # there is none, which is fine, or it says so itself


def _sentence(fault: ErrorDetails) -> str:
    reason = fault.get("ctx", {}).get("error") if fault["type"] == "value_error" else None
    variable = f"{PREFIX}{str(fault['loc'][0]).upper()}: " if fault["loc"] else ""
    return f"{variable}{reason or fault['msg']}."
