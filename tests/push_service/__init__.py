"""A real push service on loopback: RFC 8030 in, the WebSocket protocol of Firefox out."""

from .log import Received
from .receiver import Subscription
from .service import PushService

__all__ = ["PushService", "Received", "Subscription"]
