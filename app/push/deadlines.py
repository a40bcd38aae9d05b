"""Deadlines of a push message; those of production are the defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Deadlines of the steps of a push message, in seconds."""

    total_s: float = 10  # with its retries: what a caller waits for
    attempt_s: float = 8  # one POST, whatever the push service dribbles
    retry_pauses_s: tuple[float, ...] = (0.2, 1.0)  # before the second and the third attempt
    last_key_s: float = 2  # another key is tried only if there is so much time left for it
    look_up_s: float = 2
    connect_s: float = 3  # with name and TLS
    next_address_s: float = 0.25  # after which another address is tried as well (RFC 8305, section 5)
    drain_s: float = 0.5  # an answer's body: its status has said all that matters
    keep_s: float = 15  # an unused connection, and as long again until it is looked at


PRODUCTION = Deadlines()
