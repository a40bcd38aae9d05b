"""A real push service on loopback: RFC 8030 in, the WebSocket protocol of Firefox out."""

from tests.push_service.log import Received
from tests.push_service.receiver import Subscription
from tests.push_service.service import PushService

__all__ = ["PushService", "Received", "Subscription"]
