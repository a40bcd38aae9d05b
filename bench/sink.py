"""A push service that takes everything after a while: `python -m bench.sink PORT`."""

import asyncio
import sys

from aiohttp import web

DELAY_S = 0.05  # what the browsers' push services take, or more


async def take(_: web.Request) -> web.Response:
    """Accept a message."""
    await asyncio.sleep(DELAY_S)
    return web.Response(status=201)


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/{token}", take)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
