"""Server process with short deadlines, otherwise as `whisper serve`: `python -m tests.hurried_server`."""

import argparse
import sys

from starlette.types import ASGIApp

from app.server.connection_context import Timeouts
from app.server.process import exit_on_signals
from app.server.supervisor import serve
from app.server.worker_app import build_app
from app.settings import load
from tests.deadlines import SHORT, SHORT_TIMEOUTS

HURRIED = (sys.executable, "-m", "tests.hurried_server")
PATIENT = (*HURRIED, "--app", "create_patient_app")


def create_app() -> ASGIApp:
    """Build the application: pushes and connections have short deadlines."""
    return build_app(load(), SHORT_TIMEOUTS, SHORT)


def create_patient_app() -> ASGIApp:
    """Build the application: pushes have short deadlines, so many connections at once have production's."""
    return build_app(load(), Timeouts(), SHORT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--app", default="create_app")
    options = parser.parse_args()
    given = {"port": options.port} if options.port is not None else {}
    exit_on_signals()
    sys.exit(serve(load(**given), f"tests.hurried_server:{options.app}"))
