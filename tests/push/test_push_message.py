"""Push messages of a call: one payload for all devices that show the same."""

import json

import pytest

from app.protocol.envelope import Call, read_call
from app.protocol.messages import Dial
from app.push.push_message import PushMessage
from app.push.push_options import Notification
from tests.people import Person, body, now_ms

RINGING = Notification('Incoming "call"', "Someone wants to connect with you.")
SILENT = Notification("Call ended", "The connection was closed.", silent=True)


@pytest.fixture(scope="module")
def call() -> Call[Dial]:
    """Return a dial that was verified."""
    return read_call(body(Person().to("dial", Person())), Dial, now=now_ms(), window=5000).verify()


def test_devices_that_show_the_same_are_sent_one_payload(call: Call[Dial]) -> None:
    """It is made once; devices that show something else are sent another."""
    message = PushMessage(call, 3, b"key")

    first, again, silent, unseen, last = [
        message.payload(notice) for notice in (RINGING, RINGING, SILENT, None, RINGING)
    ]

    assert first is again
    assert len({first, silent, unseen}) == 3
    assert first == last


@pytest.mark.parametrize("notice", [RINGING, SILENT, None])
def test_a_payload_is_json_of_the_signed_call(call: Call[Dial], notice: Notification | None) -> None:
    """With what is shown, without a sound or not, and with the number of devices."""
    read = json.loads(PushMessage(call, 2, b"key").payload(notice))

    shown = {"title": notice.title, "body": notice.body} if notice else {}
    silent = {"silent": True} if notice and notice.silent else {}
    assert bool(read.pop("tag", "")) == bool(notice)
    assert read == {
        **shown,
        **silent,
        "data": {"a": "dial", "b": call.text, "c": call.signature},
        "devices": 2,
    }
