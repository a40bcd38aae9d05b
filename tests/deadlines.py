"""Deadlines of pushes for tests that wait for their end: about a tenth of production's."""

from app.push.deadlines import Deadlines

SHORT = Deadlines(
    total_s=1.5,
    attempt_s=1.0,
    retry_pauses_s=(0.05, 0.2),
    last_key_s=0.3,
    look_up_s=0.3,
    connect_s=0.5,
    drain_s=0.1,
    keep_s=1.5,
)
