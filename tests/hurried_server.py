"""Server process with short deadlines, otherwise as `whisper serve`: `python -m tests.hurried_server`."""

import argparse
import sys

from starlette.types import ASGIApp

from app.server.application import build_app
from app.server.lifecycle import exit_on_signals
from app.server.supervisor import serve
from app.settings import load
from tests.deadlines import SHORT, SHORT_TIMEOUTS


def create_app() -> ASGIApp:
    """Build the application."""
    return build_app(load(), SHORT_TIMEOUTS, SHORT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    exit_on_signals()
    sys.exit(serve(load(**given), "tests.hurried_server:create_app"))
