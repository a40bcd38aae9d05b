"""Test users who sign calls, correctly or not, as a client would."""

import json
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app.protocol.keys import Address

SEALED = b64encode(b"only the recipient can read this").decode()


def now_ms() -> int:
    """Return the time, ms since the Unix epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Person:
    """Person with an identity, and a key for one connection."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    connection: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)

    @property
    def address(self) -> Address:
        """Their address."""
        return Address.of(self.key.public_key().public_bytes_raw())

    @property
    def encryption_key(self) -> str:
        """Their X25519 public key, as it is sent."""
        return b64encode(self.connection.public_key().public_bytes_raw()).decode()

    def sign(self, text: bytes) -> str:
        """Sign *text*."""
        return b64encode(self.key.sign(text)).decode()

    def call(self, method: str, data: dict[str, Any]) -> dict[str, Any]:
        """Return a signed call; the canonical text is by a library, not by the code under test."""
        return {"a": method, "b": data, "c": self.sign(rfc8785.dumps(data))}

    def to(self, method: str, recipient: "Person", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Return a call of *method* to *recipient*, with *changes* of its members; None takes one away."""
        data: dict[str, Any] = {"a": self.address.text, "b": now_ms(), "c": recipient.address.text}
        if method != "close":
            data["d"] = self.encryption_key
        if method in ("offer", "answer", "ice"):
            data["e"] = SEALED
        data |= changes
        return self.call(method, {name: value for name, value in data.items() if value is not None})

    def update(self, subscription: object = ..., sent_at: int | None = None) -> dict[str, Any]:
        """Return an update; without a *subscription* it only asks the time."""
        data: dict[str, Any] = {"a": self.address.text}
        if subscription is not ...:
            data["b"] = subscription
        if sent_at is not None:
            data["c"] = sent_at
        return self.call("update", data)


def body(call: dict[str, Any]) -> bytes:
    """Return the call as a browser would send it."""
    return json.dumps(call, separators=(",", ":"), ensure_ascii=False).encode()
