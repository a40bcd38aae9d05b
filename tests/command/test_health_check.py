"""Health check of the container, as a process beside a running server."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey
from tests.processes import ROOT, WHISPER, program
from tests.scale.programs import free_port


def check_health(env: dict[str, str]) -> int:
    """Return the exit status of the check with these variables."""
    command = (sys.executable, "-m", "app.health_check")
    return subprocess.run(command, env=env, cwd=ROOT, check=False, capture_output=True, timeout=20).returncode


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "localhost"])  # noqa: S104 - as in a container
def test_it_follows_host_and_port(migrated: URL, tmp_path: Path, host: str) -> None:
    """Wherever the server listens, and not elsewhere."""
    place = {"WHISPER_HOST": host, "WHISPER_PORT": str(free_port())}
    listening = place | {"WHISPER_HOST": "127.0.0.1"} if host == "0.0.0.0" else place  # noqa: S104
    env = {
        "WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@whisper.example",
    }
    with program(WHISPER, "serve", env=env | listening, cwd=tmp_path) as server:
        server.wait_for("Open http")
        healthy = check_health(place)
        elsewhere = check_health(place | {"WHISPER_PORT": str(free_port())})

    assert (healthy, elsewhere, check_health(place)) == (0, 1, 1)
