"""ICE servers for the peers, with TURN credentials that expire (coturn's `use-auth-secret`)."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from hashlib import blake2b

from app.protocol.keys import Address

# A connection is allocated with credentials that are new then; coturn lets a running one go on.
CREDENTIAL_LIFE_S = 60 * 60

IceServerDict = dict[str, str | list[str]]


class IceServers:
    """STUN and TURN servers that an operator names, as `RTCConfiguration.iceServers` wants them."""

    def __init__(self, urls: Sequence[str], turn_secret: str | None) -> None:
        self._stun = [url for url in urls if url.startswith("stun")]
        self._turn = [url for url in urls if url.startswith("turn")]
        self._secret = (turn_secret or "").encode()

    @property
    def stun(self) -> list[IceServerDict]:
        """The servers that anybody may use."""
        return [{"urls": self._stun}] if self._stun else []

    @property
    def has_turn(self) -> bool:
        """Whether there is a TURN server, for registered addresses."""
        return bool(self._turn)

    def at(self, now: int, address: Address) -> list[IceServerDict]:
        """Return all servers; TURN credentials of *address* are for `CREDENTIAL_LIFE_S` from *now*, in ms."""
        if not self._turn:
            return self.stun
        return [*self.stun, {"urls": self._turn, **self._credentials(now, address)}]

    def _credentials(self, now: int, address: Address) -> dict[str, str]:
        # coturn counts its quotas by what follows the colon: each address has its own, under a keyed hash.
        user = blake2b(address.raw, key=self._secret[:64], digest_size=8).hexdigest()
        username = f"{now // 1000 + CREDENTIAL_LIFE_S}:{user}"
        digest = hmac.digest(self._secret, username.encode(), "sha1")
        return {"username": username, "credential": b64encode(digest).decode()}
