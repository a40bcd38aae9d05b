"""One call to one subscription: what is said, encrypted, authorised and delivered."""

import hashlib
import hmac
import json

from app.protocol.envelope import Call
from app.protocol.messages import Directed, Subscription
from app.protocol.subscription import Endpoint
from app.push.deliver import Deliverer, Outcome
from app.push.encrypt import PushRequest, encrypt
from app.push.guard import Reach
from app.push.policy import Handling, handling
from app.push.vapid import Vapid


class PushService:
    """The push services as the relay sees them."""

    def __init__(self, vapid: Vapid, reach: Reach, deliverer: Deliverer) -> None:
        self._vapid = vapid
        self._reach = reach
        self._deliverer = deliverer
        # Tags must be the same on every instance and after a restart, and tell an outsider nothing.
        self._tag_key = hashlib.sha256(b"whisper tag" + vapid.key.private_text.encode()).digest()

    def check(self, endpoint: Endpoint) -> None:
        """Raise `EndpointNotAllowed` unless this server sends to *endpoint*."""
        self._reach.check(endpoint)

    async def send(self, call: Call[Directed], subscription: Subscription, now: int) -> Outcome:
        """Push *call* to *subscription*; *now* in ms.

        Raise `MessageTooLarge` or `EndpointNotAllowed` before anything is sent.
        """
        endpoint = subscription.endpoint
        self.check(endpoint)
        how = handling(call.message.method, endpoint.host)
        body = encrypt(subscription, self._payload(call, how))
        headers = {
            "TTL": str(how.ttl),
            "Urgency": how.urgency,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "Authorization": self._vapid.header(endpoint.origin, now),
        }
        return await self._deliverer.deliver(PushRequest(endpoint, headers, body))

    def _payload(self, call: Call[Directed], how: Handling) -> bytes:
        message: dict[str, object] = {}
        if how.notice:
            message = {"title": how.notice.title, "body": how.notice.body, "tag": self._tag(call.message)}
            message |= {"silent": True} if how.notice.silent else {}
        message["data"] = {"a": call.message.method, "b": call.text, "c": call.signature}
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()

    def _tag(self, message: Directed) -> str:
        """Return the notification's tag: a second dial of the same two replaces the first."""
        pair = message.sender.raw + message.recipient.raw
        return hmac.digest(self._tag_key, pair, "sha256").hex()[:16]
