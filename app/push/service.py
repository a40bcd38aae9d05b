"""One call to one subscription: what is said, encrypted, authorised and delivered."""

import hmac
import json

from app.protocol.envelope import Call
from app.protocol.errors import TooManyCalls
from app.protocol.keys import Address
from app.protocol.messages import Directed
from app.protocol.rates import Buckets, Rate
from app.protocol.subscription import Endpoint, Subscription
from app.push.deliver import Deliverer
from app.push.encrypt import PushRequest, encrypt
from app.push.guard import Reach
from app.push.outcome import Fate, Outcome
from app.push.policy import Handling, handling
from app.push.proof import Codes
from app.push.vapid import Vapid

VERIFY = "verify"
_VERIFYING = Handling(ttl=300, urgency="normal")

# One verification push an endpoint, and another ten minutes later if the first was lost.
VERIFICATIONS = Rate(1, 600)
MAX_STRANGERS = 10_000  # endpoints whose last verification push is remembered


class PushService:
    """The push services as the relay sees them."""

    def __init__(self, vapid: Vapid, reach: Reach, deliverer: Deliverer) -> None:
        self._vapid = vapid
        self._reach = reach
        self._deliverer = deliverer
        # Tags and codes are the same on every instance and after a restart, and tell an outsider nothing.
        self._tag_key = vapid.key.derive("tag")
        self._codes = Codes(vapid.key.derive("verification"))
        self._verifications = Buckets(VERIFICATIONS, MAX_STRANGERS)

    def check(self, endpoint: Endpoint) -> None:
        """Raise `EndpointNotAllowed` unless this server sends to *endpoint*."""
        self._reach.check(endpoint)

    async def challenge(
        self, address: Address, subscription: Subscription, code: str | None, now: int
    ) -> Outcome | None:
        """Return `None` if *address* is known to read what *subscription* gets; otherwise ask for a proof.

        Only an endpoint that a stranger chose needs a proof: *code*, from the one message that it gets before
        (as with PushVerification in RFC 8620, section 7.2.2). The outcome is what became of that message.
        Raise `TooManyCalls` if one is on its way already. *now* in ms.
        """
        if not self._reach.is_strange(subscription.endpoint):
            return None
        if code is not None and self._codes.prove(code, address, subscription, now):
            return None
        endpoint = subscription.endpoint.url.encode()
        wait = self._verifications.take(endpoint, now)
        if wait:
            raise TooManyCalls(retry_after=wait)
        message: dict[str, object] = {"data": {"a": VERIFY, "b": self._codes.of(address, subscription, now)}}
        outcome = await self._push(subscription, _VERIFYING, message, now)
        if outcome.fate not in (Fate.ACCEPTED, Fate.TIMED_OUT):
            self._verifications.fill(endpoint)
        return outcome

    async def send(self, call: Call[Directed], subscription: Subscription, now: int) -> Outcome:
        """Push *call* to *subscription*; *now* in ms.

        Raise `MessageTooLarge` or `EndpointNotAllowed` before anything is sent.
        """
        self.check(subscription.endpoint)
        how = handling(call.message.method, subscription.endpoint.host)
        return await self._push(subscription, how, self._message(call, how), now)

    async def _push(
        self, subscription: Subscription, how: Handling, message: dict[str, object], now: int
    ) -> Outcome:
        payload = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "TTL": str(how.ttl),
            "Urgency": how.urgency,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Authorization": self._vapid.header(subscription.endpoint.origin, now),
        }
        body = encrypt(subscription, payload)
        return await self._deliverer.deliver(PushRequest(subscription.endpoint, headers, body))

    def _message(self, call: Call[Directed], how: Handling) -> dict[str, object]:
        message: dict[str, object] = {}
        if how.notice:
            message = {"title": how.notice.title, "body": how.notice.body, "tag": self._tag(call.message)}
            message |= {"silent": True} if how.notice.silent else {}
        message["data"] = {"a": call.message.method, "b": call.text, "c": call.signature}
        return message

    def _tag(self, message: Directed) -> str:
        """Return the notification's tag: a second dial of the same two replaces the first."""
        pair = message.sender.raw + message.recipient.raw
        return hmac.digest(self._tag_key, pair, "sha256").hex()[:16]
