"""People with addresses of the peer's own type, who sign calls as any client would."""

from typing import Any

from tests import people
from whisper_peer.protocol.keys import Address


class Person:
    """Person with an identity, and a key for one connection."""

    def __init__(self) -> None:
        self.signer = people.Person()
        self.key = self.signer.key
        self.encryption_key = self.signer.encryption_key
        self.address = Address.parse(self.signer.address.text)
        self.sign = self.signer.sign
        self.update = self.signer.update

    def to(self, method: str, recipient: "Person", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Return a call of *method* to *recipient*, with *changes* of its members; None takes one away."""
        return self.signer.to(method, recipient.signer, **changes)
