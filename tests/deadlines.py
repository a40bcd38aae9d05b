"""Deadlines for tests that wait for their end: about a tenth of production's."""

from app.push.deadlines import Deadlines
from app.server.connection_context import Timeouts

SHORT = Deadlines(
    total_s=2.0,
    attempt_s=1.5,
    retry_pauses_s=(0.05, 0.2),
    last_key_s=0.3,
    look_up_s=0.3,
    connect_s=1.0,
    drain_s=0.1,
    keep_s=1.5,
)

# Of connections.
SHORT_TIMEOUTS = Timeouts(receive_s=1.5, send_s=1.5, keep_alive_s=2, late_s=0.1)

# By how much a test lets a deadline be exceeded: a machine that runs all tests at once is late.
MARGIN_S = 5
