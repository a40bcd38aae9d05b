"""A backend that is a peer: what is posted to it rings somebody, who reads it."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from aiohttp import web

from whisper_peer import Address, Identity, Peer, PeerError

PEER = web.AppKey("peer", Peer)


async def reachable(app: web.Application, options: argparse.Namespace) -> AsyncIterator[None]:
    """Keep one peer for all requests."""
    identity = Identity.load_or_create(options.identity)
    async with Peer(options.server, push_service=options.push_service, identity=identity) as peer:
        app[PEER] = peer
        yield


async def ring(request: web.Request) -> web.Response:
    """Dial the address in the path, send them the body, and hang up."""
    try:
        address = Address.parse(request.query.get("to", ""))
    except ValueError:
        return web.json_response({"delivered": False, "reason": "not an address"}, status=400)
    text = await request.text()
    try:
        channel = await request.app[PEER].dial(address)
        await channel.send(text)
        await channel.close()
    except PeerError as trouble:
        return web.json_response({"delivered": False, "reason": str(trouble)}, status=502)
    return web.json_response({"delivered": True})


def main() -> None:
    """Serve on this machine only: whoever may post here can ring people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="http://localhost:8000")
    parser.add_argument("--push-service", default="ws://127.0.0.1:8100/")
    parser.add_argument("--identity", type=Path, default=Path("webhook.key"))
    parser.add_argument("--port", type=int, default=8200)
    options = parser.parse_args()
    app = web.Application()
    app.cleanup_ctx.append(partial(reachable, options=options))
    app.add_routes([web.post("/ring", ring)])
    with suppress(asyncio.CancelledError):
        web.run_app(app, host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
