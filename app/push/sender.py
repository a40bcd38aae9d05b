"""Push sender: encryption, VAPID signature and delivery of a call to a subscription."""

import asyncio
from collections.abc import Awaitable, Callable

from app.limits.errors import TooManyCalls
from app.limits.token_bucket import Rate, TokenBuckets
from app.protocol.envelope import Call
from app.protocol.keys import Address
from app.protocol.messages import RelayedMessage
from app.protocol.subscription import Endpoint, PushTarget
from app.push.deadlines import Deadlines
from app.push.delivery import Deliverer
from app.push.encrypt import PushRequest, encrypt
from app.push.endpoint_policy import UNTRUSTED, EndpointPolicy
from app.push.outcome import DeliveryStatus, Outcome
from app.push.push_message import PushMessage
from app.push.push_options import PushOptions, is_vapid_key_mismatch, push_options
from app.push.vapid import Keyring, VapidSigner
from app.push.verification_codes import VerificationCodes

VERIFY = "verify"
_MAY_HAVE_ARRIVED = (DeliveryStatus.ACCEPTED, DeliveryStatus.TIMED_OUT, DeliveryStatus.LOST)
_VERIFYING = PushOptions(ttl=300, urgency="normal")

# One verification push an endpoint, and another ten minutes later if the first was lost.
VERIFICATIONS = Rate(1, 600)
MAX_UNVERIFIED = 10_000  # endpoints whose last verification push is remembered


class PushSender:
    """Sender of calls and verification codes to subscriptions. *monotonic_ms* never jumps.

    *begin* is told the push service of each message that is about to be sent.
    """

    def __init__(
        self,
        keyring: Keyring,
        policy: EndpointPolicy,
        deliverer: Deliverer,
        monotonic_ms: Callable[[], int],
        deadlines: Deadlines,
        begin: Callable[[str], None],
    ) -> None:
        self._keyring = keyring
        self._policy = policy
        self._deliverer = deliverer
        self._monotonic_ms = monotonic_ms
        self._deadlines = deadlines
        self._begin = begin
        # Tags and codes are the same on every instance and after a restart, and tell an outsider nothing.
        # They are made with the oldest key, which instances share while they are given a newer one.
        self._tag_key = keyring.oldest.key.derive("tag")
        self._codes = [VerificationCodes(key.derive("verification")) for key in reversed(keyring.keys)]
        self._verifications = TokenBuckets(VERIFICATIONS, MAX_UNVERIFIED)

    @property
    def newest_key(self) -> str:
        """The id of the key that browsers are given now."""
        return self._keyring.newest.id

    def deadline(self) -> float:
        """Return the time of the loop at which a message that is sent now is given up."""
        return asyncio.get_running_loop().time() + self._deadlines.total_s

    def check_endpoint(self, endpoint: Endpoint) -> None:
        """Raise `EndpointNotAllowed` unless this server sends to *endpoint*."""
        self._policy.admit(endpoint)

    async def ensure_verified(
        self, address: Address, target: PushTarget, code: str | None, now: int
    ) -> Outcome | None:
        """Return `None` if *address* is known to read what *target* gets; otherwise ask for a proof.

        Only an untrusted endpoint needs a proof: *code*, from the one message that it gets before
        (as with PushVerification in RFC 8620, section 7.2.2). The outcome is what became of that message.
        Raise `TooManyCalls` if one is on its way already. *now* in ms.
        """
        service = self._policy.classify(target.endpoint)
        if service != UNTRUSTED:
            return None
        if code is not None and any(codes.verify(code, address, target, now) for codes in self._codes):
            return None
        endpoint = target.endpoint.url.encode()
        wait = self._verifications.consume(endpoint, self._monotonic_ms())
        if wait:
            raise TooManyCalls(retry_after=wait)
        made = self._codes[0].make(address, target, now)
        payload = f'{{"data":{{"a":"{VERIFY}","b":"{made}"}}}}'.encode()
        outcome = await self._push(target, service, self.newest_key, _VERIFYING, payload, now)
        if outcome.delivery not in _MAY_HAVE_ARRIVED:
            self._verifications.refund(endpoint)
        return outcome

    def message(self, call: Call[RelayedMessage], devices: int = 1) -> PushMessage:
        """Return the message of *call* to so many *devices*."""
        return PushMessage(call, devices, self._tag_key)

    def send(
        self, message: PushMessage, target: PushTarget, key_id: str | None, now: int
    ) -> Awaitable[Outcome]:
        """Push *message* to *target*, which came with the key *key_id*; *now* in ms.

        Raise `MessageTooLarge` or `EndpointNotAllowed` before anything is sent.
        """
        service = self._policy.admit(target.endpoint)
        options = push_options(message.method, target.endpoint.host)
        return self._push(target, service, key_id, options, message.payload(options.notice), now)

    async def _push(
        self,
        target: PushTarget,
        service: str,
        key_id: str | None,
        options: PushOptions,
        payload: bytes,
        now: int,
    ) -> Outcome:
        """Push *payload* with the key that *key_id* names; with the others if it seems to be another."""
        wait = self._deliverer.retry_after(target.endpoint, service, verifies=options is _VERIFYING)
        if wait:  # before the message is encrypted: a refusal must cost less than a service
            return Outcome(DeliveryStatus.BUSY, retry_after=wait)
        self._begin(service)
        body = encrypt(target, payload)
        loop_time = asyncio.get_running_loop().time
        deadline = self.deadline()
        refusals: list[Outcome] = []
        for identity in self._keyring.for_key(key_id):
            if refusals and loop_time() > deadline - self._deadlines.last_key_s:
                break
            request = _sign(identity, target.endpoint, service, options, body, now)
            outcome = await self._deliverer.deliver(request, now, deadline)
            if not is_vapid_key_mismatch(service, outcome.status):
                return outcome if identity.id == key_id else outcome._replace(key_id=identity.id)
            refusals.append(outcome)
        return refusals[0]


def _sign(
    identity: VapidSigner, endpoint: Endpoint, service: str, options: PushOptions, body: bytes, now: int
) -> PushRequest:
    token = identity.token(endpoint.origin, now)
    fields = (
        f"TTL: {options.ttl}\r\nUrgency: {options.urgency}\r\nContent-Encoding: aes128gcm\r\n"
        f"Content-Type: application/octet-stream\r\nAuthorization: {token.header}\r\n"
    )
    token_age = max(0, now - token.issued_at) // 1000
    return PushRequest(endpoint, service, fields, body, token_age, options is _VERIFYING)
