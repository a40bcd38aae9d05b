"""Cases of `requests.json` that a recipient can judge too: the server refuses them, and so does the peer."""

import json

import pytest
import rfc8785

from tests.hostile.request_builder import CASES, PEOPLE, CallContext, build
from whisper_peer.errors import Dropped
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.push_verifier import PushVerifier

NOW = 1_760_000_000_000
BY_THE_SERVER = {"raw", "http", "before", "times", "check", "state"}  # bytes, requests and states of a server
GROUPS = {"honest", "keys", "signature", "shape", "encoding", "number"}
JUDGED = [
    name
    for name, case in CASES.items()
    if case["group"] in GROUPS and case["method"] != "update" and not case.keys() & BY_THE_SERVER
]
GOOD = [name for name in JUDGED if CASES[name]["expect"] == ["accept"]]
BAD = [name for name in JUDGED if "accept" not in CASES[name]["expect"] or CASES[name]["group"] == "keys"]

# Alice's key is spelled alike in both alphabets, Carol's is not.
SPEAKERS = {"sender key base64url": "carol"}


def push(name: str) -> bytes:
    """Return the push that a server would make which checks nothing."""
    envelope = build(CASES[name], CallContext(NOW, SPEAKERS.get(name, "alice"))).envelope
    try:
        text = rfc8785.dumps(envelope.get("b")).decode()
    except rfc8785.CanonicalizationError:
        text = json.dumps(envelope["b"], separators=(",", ":"), sort_keys=True)
    return json.dumps({"data": {**envelope, "b": text}}).encode()


def recipient() -> PushVerifier:
    """Return the verifier of the vectors' Bob."""
    return PushVerifier(Address.parse(PEOPLE["bob"].address.text))


@pytest.mark.parametrize("name", GOOD)
def test_an_honest_call_is_opened(name: str) -> None:
    """What every server must relay, every recipient takes."""
    call = recipient().verify(push(name), NOW)

    assert call.message.method == CASES[name]["method"]


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_call_is_dropped(name: str) -> None:
    """Even when the server lets it through."""
    with pytest.raises(Dropped):
        recipient().verify(push(name), NOW)
