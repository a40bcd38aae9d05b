"""ICE servers for the peers, with TURN credentials that expire (coturn's `use-auth-secret`)."""

import hmac
from base64 import b64encode
from collections.abc import Sequence

# A connection lasts as long as its credentials at a TURN server that is asked again: half a day.
CREDENTIAL_LIFE_S = 12 * 60 * 60


class IceServers:
    """The STUN and TURN servers an operator names, as `RTCConfiguration.iceServers` wants them."""

    def __init__(self, urls: Sequence[str], turn_secret: str | None) -> None:
        self._stun = [url for url in urls if url.startswith("stun")]
        self._turn = [url for url in urls if url.startswith("turn")]
        self._secret = (turn_secret or "").encode()

    def at(self, now: int) -> list[dict[str, str | list[str]]]:
        """Return the servers; TURN credentials are good for `CREDENTIAL_LIFE_S` from *now*, in ms."""
        servers: list[dict[str, str | list[str]]] = [{"urls": self._stun}] if self._stun else []
        return [*servers, {"urls": self._turn, **self._credentials(now)}] if self._turn else servers

    def _credentials(self, now: int) -> dict[str, str]:
        username = f"{now // 1000 + CREDENTIAL_LIFE_S}:whisper"
        digest = hmac.digest(self._secret, username.encode(), "sha1")
        return {"username": username, "credential": b64encode(digest).decode()}
