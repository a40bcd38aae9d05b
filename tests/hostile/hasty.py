"""A server whose connections have a tenth of the time: `python -m tests.hostile.hasty`."""

import sys

from starlette.types import ASGIApp

from app.server.application import build_app
from app.server.http_protocol import Timeouts
from app.server.lifecycle import exit_on_signals
from app.server.supervisor import serve
from app.settings import load

HASTY = Timeouts(**{name: getattr(Timeouts(), name) / 10 for name in Timeouts.__slots__})


def create_app() -> ASGIApp:
    """Build the application."""
    return build_app(HASTY)


if __name__ == "__main__":
    exit_on_signals()
    sys.exit(serve(load(), "tests.hostile.hasty:create_app"))
