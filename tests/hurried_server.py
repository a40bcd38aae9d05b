"""A server process whose pushes have short deadlines; otherwise it is as `whisper serve` runs it."""

import argparse

import uvicorn
from fastapi import FastAPI

from app.main import create_app
from app.settings import load
from app.telemetry.log_format import log_config
from tests.deadlines import SHORT


def application() -> FastAPI:
    """Build the application, from the environment."""
    return create_app(deadlines=SHORT)


def main() -> None:
    """Serve at the port of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    settings = load()
    uvicorn.run(
        application,
        factory=True,
        port=parser.parse_args().port,
        log_config=log_config(settings.log_level, settings.log_format),
        access_log=False,
        http="app.server.http_protocol:HttpProtocol",
        loop="app.server.draining_loop:DrainingLoop",
        ws="none",
    )


if __name__ == "__main__":
    main()
