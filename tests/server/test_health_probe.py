"""Health check: by the settings of the server, with an exit status that tells."""

from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.processes import whisper
from tests.server.test_keep_alive import serve
from tests.server.test_listener import needs_ipv6


@pytest.mark.parametrize(
    ("host", "workers"),
    [
        ("127.0.0.1", "1"),
        ("localhost", "2"),
        ("0.0.0.0", "2"),  # noqa: S104
        pytest.param("::", "1", marks=needs_ipv6),
    ],
)
def test_a_server_is_alive_where_it_listens(migrated: URL, tmp_path: Path, host: str, workers: str) -> None:
    """Whatever host, port and number of workers are set."""
    with serve(migrated, WHISPER_HOST=host, WHISPER_WORKERS=workers) as (_, port):
        alive = whisper("health", cwd=tmp_path, env={"WHISPER_HOST": host, "WHISPER_PORT": str(port)})

    dead = whisper("health", cwd=tmp_path, env={"WHISPER_HOST": host, "WHISPER_PORT": str(port)})

    assert alive == (0, "The server is alive.")
    assert dead[0] == 1
    assert dead[1].startswith("whisper: there is no answer (")
    assert len(dead[1].splitlines()) == 1
