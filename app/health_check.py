"""Health check of a container: `python -m app.health_check`, which loads no more than it needs.

An orchestrator starts it every 30 s; `whisper health` does the same with all settings, at a second of CPU.
"""

import os
import sys

from app.server.health_probe import Unhealthy, check_health


def main() -> int:
    """Ask the server of WHISPER_HOST and WHISPER_PORT; return the exit status."""
    try:
        check_health(
            os.environ.get("WHISPER_HOST") or "127.0.0.1", int(os.environ.get("WHISPER_PORT") or 8000)
        )
    except Unhealthy as fault:
        sys.stderr.write(f"unhealthy: {fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
