"""HTTP handler of push messages: log, scripted response or validation, and delivery."""

import asyncio
import secrets
import time
from collections.abc import Mapping

from aiohttp import web

from tests.push_service.crypto import vapid
from tests.push_service.errors import ErrorCode, PushError
from tests.push_service.log import Log, Received
from tests.push_service.push_validation import Push, read_push
from tests.push_service.registry import Channel, ChannelRegistry, Message
from tests.push_service.scripted_responses import ResponseScripts, perform
from tests.push_service.timeouts import Timeouts

# Bytes read of a body; what is longer is cut here, and refused as too large anyway.
READ_LIMIT = 64 * 1024


class PushHandler:
    """Handler of `POST /push/{token}`: log the message, then answer by script or validate and deliver."""

    def __init__(
        self, origin: str, registry: ChannelRegistry, log: Log, scripts: ResponseScripts, timeouts: Timeouts
    ) -> None:
        self._origin = origin
        self._registry = registry
        self._log = log
        self._scripts = scripts
        self._timeouts = timeouts

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Answer one POST; a refusal is JSON with a code and a reason."""
        try:
            return await self._answer(request, await self._record(request))
        except PushError as refused:
            code = refused.code
            return web.json_response({"code": code.text, "reason": code.reason}, status=code.status)

    async def _record(self, request: web.Request) -> Received:
        """Read a POST to its end and record it."""
        received = Received(
            token=request.match_info["token"],
            headers=lower_case(request),
            body=await read_body(request, self._timeouts.body),
            at=time.time_ns() // 1_000_000,
            version=secrets.token_urlsafe(16),
        )
        self._log.add(received)
        return received

    async def _answer(self, request: web.Request, received: Received) -> web.StreamResponse:
        """Answer as the script says; the normal answer is to deliver."""
        answer = self._scripts.take(received.token)
        await asyncio.sleep(answer.delay)
        if answer.is_normal:
            return await self._deliver(received)
        self._log.answered(received.version, answer.status_sent)
        return await perform(answer, request)

    async def _deliver(self, received: Received) -> web.Response:
        """Pass an accepted message on and answer 201; raise `PushError` when it is not accepted."""
        try:
            channel, push = self._admit(received.token, received.headers, received.body)
        except PushError as refused:
            self._log.answered(received.version, refused.code.status)
            raise
        self._log.answered(received.version, 201)
        now = asyncio.get_running_loop().time()
        await self._registry.post(channel, Message(received.version, push, now + push.ttl), now)
        location = f"{self._origin}/message/{received.version}"
        return web.Response(status=201, headers={"Location": location, "TTL": str(push.ttl)})

    def _admit(self, token: str, headers: Mapping[str, str], body: bytes) -> tuple[Channel, Push]:
        """Return what to deliver and where; raise `PushError` for the first rule that is broken."""
        channel = self._registry.channel(token)
        sender = vapid.verify(headers.get("authorization", ""), origin=self._origin, now=time.time())
        channel.check_key(sender)
        return channel, read_push(headers, body)


def lower_case(request: web.Request) -> dict[str, str]:
    """Return the headers with lower-case names; the values of one sent twice stand behind each other."""
    return {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}


async def read_body(request: web.Request, seconds: float) -> bytes:
    """Return the body, or as much of it as `READ_LIMIT` allows; raise `PushError` when it is too slow."""
    try:
        async with asyncio.timeout(seconds):
            return await request.content.readexactly(READ_LIMIT)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    except TimeoutError:
        raise PushError(ErrorCode.TIMEOUT) from None
