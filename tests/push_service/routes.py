"""HTTP routes of the push service, and its shutdown."""

import asyncio
from typing import Any

from aiohttp import WSCloseCode, web
from pydantic import ValidationError

from tests.push_service.log import Log
from tests.push_service.push_handler import PushHandler
from tests.push_service.registry import ChannelRegistry
from tests.push_service.scripted_responses import ResponseScripts
from tests.push_service.timeouts import Timeouts
from tests.push_service.websocket import WebSocketSession

# Bytes; an ack for every message that a channel stores is well below.
MAX_FRAME = 64 * 1024

# Seconds between pings that find out whether a user agent is still there.
HEARTBEAT = 30.0

# Seconds that a user agent has to answer a close.
CLOSE_TIMEOUT = 1.0


class Routes:
    """HTTP side of a push service."""

    def __init__(
        self, origin: str, registry: ChannelRegistry, log: Log, scripts: ResponseScripts, timeouts: Timeouts
    ) -> None:
        self._origin = origin
        self._registry = registry
        self._log = log
        self._scripts = scripts
        self._timeouts = timeouts
        self._push_handler = PushHandler(origin, registry, log, scripts, timeouts)
        self._sockets: set[web.WebSocketResponse] = set()
        self._posts: set[asyncio.Task[Any]] = set()

    def application(self) -> web.Application:
        """Return the application with every route; when it is shut down, nothing it began goes on."""
        application = web.Application(client_max_size=1024**2)
        application.add_routes(
            [
                web.get("/", self.websocket, allow_head=False),
                web.post("/push/{token}", self.push),
                web.get("/log", self.show_log),
                web.delete("/log", self.clear_log),
                web.put("/script/{token}", self.write_script),
                web.delete("/script", self.clear_scripts),
                web.get("/healthz", self.health),
            ]
        )
        application.on_shutdown.append(self.close)
        return application

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Speak with a user agent until it goes."""
        socket = web.WebSocketResponse(
            protocols=["push-notification"],
            heartbeat=HEARTBEAT,
            timeout=CLOSE_TIMEOUT,
            max_msg_size=MAX_FRAME,
            compress=False,
        )
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            await WebSocketSession(socket, self._origin, self._registry, self._log, self._timeouts).run()
        finally:
            self._sockets.discard(socket)
        return socket

    async def push(self, request: web.Request) -> web.StreamResponse:
        """Take a push message in; it may be scripted never to end, so it is remembered until it does."""
        task = asyncio.current_task()
        assert task
        self._posts.add(task)
        try:
            return await self._push_handler.receive(request)
        finally:
            self._posts.discard(task)

    async def show_log(self, _request: web.Request) -> web.Response:
        """Show every POST since the log was cleared, oldest first."""
        return web.json_response([entry.as_json() for entry in self._log.entries])

    async def clear_log(self, _request: web.Request) -> web.Response:
        """Forget every POST."""
        self._log.entries.clear()
        return web.Response(status=204)

    async def write_script(self, request: web.Request) -> web.Response:
        """Take the answers to the next messages for one endpoint, or with `*` for all."""
        try:
            self._scripts.write_json(request.match_info["token"], await request.read())
        except ValidationError as error:
            return web.json_response({"code": "bad_script", "reason": str(error)}, status=400)
        return web.Response(status=204)

    async def clear_scripts(self, _request: web.Request) -> web.Response:
        """Answer normally again."""
        self._scripts.clear()
        return web.Response(status=204)

    async def health(self, _request: web.Request) -> web.Response:
        """Say that it runs."""
        return web.json_response({"ok": True})

    async def close(self, _application: web.Application) -> None:
        """Close every WebSocket and end every POST that is still unanswered."""
        for post in self._posts:
            post.cancel()
        await asyncio.gather(*(socket.close(code=WSCloseCode.GOING_AWAY) for socket in set(self._sockets)))
