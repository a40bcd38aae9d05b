"""Ed25519 identity of a peer (RFC 8032), stored in a file of one line."""

import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from whisper_peer.protocol.jcs import canonical
from whisper_peer.protocol.keys import Address, decode

SEED_BYTES = 32  # RFC 8032, section 5.1.5
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Identity:
    """Ed25519 key pair; the public half is the peer's address."""

    key: Ed25519PrivateKey

    @classmethod
    def new(cls) -> Self:
        """Make an identity that nobody had before."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, seed: bytes) -> Self:
        """Return the identity of a 32-byte seed."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load_or_create(cls, file: Path) -> Self:
        """Return the identity whose seed is in *file* (base64), made first if there is no such file.

        Raise `ValueError` if the file holds anything else.
        """
        if not file.exists():
            _create(file, b64encode(os.urandom(SEED_BYTES)) + b"\n")
        try:
            return cls.of(decode(file.read_text("ascii").strip(), SEED_BYTES))
        except ValueError as fault:
            raise ValueError(f"{file} does not hold an identity: {fault}") from None

    @property
    def address(self) -> Address:
        """The public key: how others call this peer."""
        return Address.of(self.key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the base64 Ed25519 signature over *text*."""
        return b64encode(self.key.sign(text.encode())).decode()

    def call(self, method: str, data: dict[str, Any]) -> dict[str, Any]:
        """Return the signed call that says *data* as *method*."""
        return {"a": method, "b": data, "c": self.sign(canonical(data))}


def _create(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
