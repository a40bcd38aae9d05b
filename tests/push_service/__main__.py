"""Push service for people: `python -m tests.push_service --port 8100`."""

import argparse
import asyncio
import signal
import sys

from tests.push_service.service import PushService


async def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; say on stdout where."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with PushService.running(host=host, port=port) as service:
        sys.stdout.write(f"push service at {service.origin} (WebSocket {service.websocket_url})\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.push_service", description="A local push service.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8100, help="0 picks a free one (%(default)s)")
    arguments = parser.parse_args()
    try:
        asyncio.run(serve(arguments.host, arguments.port))
    except OSError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
