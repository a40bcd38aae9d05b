"""Server process with short deadlines, otherwise `whisper serve`: `python -m tests.short_deadline_server`."""

import argparse
import sys

from starlette.types import ASGIApp

from app.server.connection_context import Timeouts
from app.server.process import exit_on_signals
from app.server.supervisor import serve
from app.server.worker_app import build_app
from app.settings import load
from tests.deadlines import SHORT, SHORT_TIMEOUTS

SHORT_DEADLINE_SERVER = (sys.executable, "-m", "tests.short_deadline_server")
PATIENT = (*SHORT_DEADLINE_SERVER, "--app", "create_patient_app")


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
    sys.exit(serve(load(**given), f"tests.short_deadline_server:{options.app}"))
