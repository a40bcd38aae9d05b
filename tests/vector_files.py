"""Shared vectors, and values built from them."""

import json
from pathlib import Path
from typing import Any

from app.protocol.subscription import Subscription

VECTORS = Path(__file__).parent / "vectors"

# The key pair of RFC 8291, appendix A, public half.
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"


def vectors(name: str) -> Any:  # noqa: ANN401 - JSON
    """Return the vectors in the file *name*."""
    return json.loads((VECTORS / name).read_text())


def subscription_json(endpoint: str, p256dh: str = P256DH, auth: str = AUTH) -> dict[str, Any]:
    """Return a subscription as it is sent."""
    return {"a": endpoint, "b": None, "c": {"a": p256dh, "b": auth}}


def subscription_at(endpoint: str, p256dh: str = P256DH, auth: str = AUTH) -> Subscription:
    """Return the value of a subscription."""
    return Subscription.model_validate(subscription_json(endpoint, p256dh, auth))
