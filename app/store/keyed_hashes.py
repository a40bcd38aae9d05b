"""Keyed hashes of an address and an endpoint: ids of devices, and marks of subscriptions that are gone."""

from base64 import urlsafe_b64encode
from hashlib import blake2b

from app.protocol.constants import ADDRESS_BYTES, DEVICE_BYTES
from app.protocol.keys import Address


class KeyedHashes:
    """Hashes under one *key*: without it they tell neither the person nor the endpoint."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def device_id(self, address: Address, url: str) -> str:
        """Return the id of the device of *address* whose endpoint is *url*, 12 characters of base64url."""
        return urlsafe_b64encode(self._hash(b"device", address, url, DEVICE_BYTES)).decode()

    def gone_mark(self, address: Address, url: str) -> bytes:
        """Return the key of a mark: it looks like an address that nobody has."""
        return self._hash(b"gone", address, url, ADDRESS_BYTES)

    def _hash(self, purpose: bytes, address: Address, url: str, size: int) -> bytes:
        return blake2b(purpose + address.raw + url.encode(), key=self._key, digest_size=size).digest()
