"""Push messages of strangers' calls, as a server would make them, and the notifications that they become."""

import json
from typing import Any

import rfc8785

from tests.people import Person

# What a server says of a dial, and to Safari of an offer.
RINGING = {"title": "Incoming call", "body": "User wants to connect with you.", "tag": "t"}
CONNECTING = {"title": "Connecting", "body": "A connection is being set up.", "tag": "t", "silent": True}


def push_of(call: dict[str, Any], **shown: Any) -> str:
    """Return the push message of a call, as the server makes it."""
    return json.dumps({**shown, "data": call | {"b": rfc8785.dumps(call["b"]).decode()}})


def call_of(caller: Person, address: str, method: str = "dial", **changes: Any) -> dict[str, Any]:
    """Return a call to *address*."""
    return caller.to(method, caller, **({"c": address} | changes))


def short(address: str) -> str:
    """Return an address as the app shows it."""
    return f"{address[:6]}…{address[-7:-1]}"


def ringing(caller: Person) -> str:
    """Return the notification of a call."""
    return f"{short(caller.address.text)}: is calling you, and is not in your people"


def missed(caller: Person) -> str:
    """Return the notification of a call that was missed."""
    return f"{short(caller.address.text)}: Missed call"
