"""Checks of a recipient, in the protocol's order."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785

from tests.peer.people import Person
from tests.people import now_ms
from tests.vector_files import vectors
from whisper_peer.errors import Dropped, Reason
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.push_verifier import MAX_REMEMBERED, WINDOW_MS, PushVerifier

WIRE = vectors("wire.json")
RELAYED = [case for case in WIRE["cases"] if case["request"]["a"] != "update"]
GOOD = [case for case in RELAYED if case["valid_signature"]]
BAD = [case for case in RELAYED if not case["valid_signature"]]
DIRECTED = ["dial", "offer", "answer", "ice", "close"]


def push(call: dict[str, Any], **changes: object) -> bytes:
    """Return the plaintext that a server makes of *call*, with *changes* in its data."""
    text = rfc8785.dumps(call["b"]).decode()
    return json.dumps({"title": "shown", "data": {**call, "b": text, **changes}}).encode()


def reason_of(verifier: PushVerifier, plaintext: bytes) -> Reason:
    """Return why *verifier* drops a push."""
    with pytest.raises(Dropped) as dropped:
        verifier.verify(plaintext, now_ms())
    return dropped.value.reason


@pytest.mark.parametrize("method", DIRECTED)
def test_an_honest_call_is_opened(alice: Person, bob: Person, method: str) -> None:
    """What Alice signed for Bob is what Bob gets, as a value."""
    plaintext = push(alice.to(method, bob))

    call = PushVerifier(bob.address).verify(plaintext, now_ms())

    assert (call.message.method, call.message.sender) == (method, alice.address)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["name"])
def test_good_calls_of_another_implementation_are_opened(case: dict[str, Any]) -> None:
    """The shared vectors open for their recipient."""
    recipient = Address.parse(case["request"]["b"]["c"])

    call = PushVerifier(recipient).verify(push(case["request"]), WIRE["timestamp"])

    assert call.text == case["signed_text"]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case["name"])
def test_bad_calls_of_another_implementation_are_forged(case: dict[str, Any]) -> None:
    """The shared vectors whose signature is not the sender's."""
    recipient = Address.parse(case["request"]["b"]["c"])

    with pytest.raises(Dropped) as dropped:
        PushVerifier(recipient).verify(push(case["request"]), WIRE["timestamp"])

    assert dropped.value.reason is Reason.FORGED


@pytest.mark.parametrize("late", [-WINDOW_MS, WINDOW_MS])
def test_a_minute_is_still_fresh(alice: Person, bob: Person, late: int) -> None:
    """Both ends of the window count in: a push can take its time."""
    now = now_ms()
    plaintext = push(alice.to("dial", bob, b=now + late))

    assert PushVerifier(bob.address).verify(plaintext, now).message.sender == alice.address


@pytest.mark.parametrize("late", [-WINDOW_MS - 1, WINDOW_MS + 1])
def test_more_than_a_minute_is_stale(alice: Person, bob: Person, late: int) -> None:
    """An old push is about something that is over."""
    now = now_ms()
    plaintext = push(alice.to("dial", bob, b=now + late))

    with pytest.raises(Dropped) as dropped:
        PushVerifier(bob.address).verify(plaintext, now)

    assert dropped.value.reason is Reason.STALE


def test_a_call_for_another_is_dropped(alice: Person, bob: Person, mallory: Person) -> None:
    """Somebody relays to Mallory what Alice said to Bob."""
    assert reason_of(PushVerifier(mallory.address), push(alice.to("dial", bob))) is Reason.NOT_FOR_ME


def test_a_forged_call_is_dropped(alice: Person, bob: Person, mallory: Person) -> None:
    """Mallory signs what Alice is made to say."""
    call = alice.to("dial", bob)
    forged = call | {"c": mallory.sign(rfc8785.dumps(call["b"]))}

    assert reason_of(PushVerifier(bob.address), push(forged)) is Reason.FORGED


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64"])
def test_what_is_no_signature_is_dropped(alice: Person, bob: Person, signature: str) -> None:
    """64 bytes in canonical base64, or nobody signed."""
    assert reason_of(PushVerifier(bob.address), push(alice.to("dial", bob), c=signature)) is Reason.FORGED


def test_a_duplicate_is_dropped(alice: Person, bob: Person) -> None:
    """A push service may deliver twice; a call is heard once."""
    verifier = PushVerifier(bob.address)
    plaintext = push(alice.to("dial", bob))
    verifier.verify(plaintext, now_ms())

    assert reason_of(verifier, plaintext) is Reason.SEEN


def test_a_duplicate_as_another_method_is_dropped(alice: Person, bob: Person) -> None:
    """The method is not under the signature, but the signature counts once whatever it is called."""
    verifier = PushVerifier(bob.address)
    call = alice.to("offer", bob)
    verifier.verify(push(call), now_ms())

    assert reason_of(verifier, push(call | {"a": "answer"})) is Reason.SEEN


def test_a_forgery_does_not_use_up_the_signature(alice: Person, bob: Person) -> None:
    """A call that was changed on its way does not keep the true one out."""
    verifier = PushVerifier(bob.address)
    call = alice.to("dial", bob)
    changed = call | {"b": call["b"] | {"b": call["b"]["b"] + 1}}
    reason_of(verifier, push(changed))

    assert verifier.verify(push(call), now_ms()).message.sender == alice.address


def test_memory_is_bounded(alice: Person, bob: Person) -> None:
    """After a thousand others the first is forgotten: its timestamp will be stale soon."""
    verifier, now = PushVerifier(bob.address), now_ms()
    plaintexts = [push(alice.to("close", bob, b=now - number)) for number in range(MAX_REMEMBERED + 1)]
    for plaintext in plaintexts:
        verifier.verify(plaintext, now)

    assert verifier.verify(plaintexts[0], now).message.method == "close"
    assert reason_of(verifier, plaintexts[-1]) is Reason.SEEN


def test_an_update_is_never_taken_from_a_push(alice: Person, bob: Person) -> None:
    """It is for the server alone."""
    assert reason_of(PushVerifier(bob.address), push(alice.update(None, now_ms()))) is Reason.NOT_A_CALL


@pytest.mark.parametrize(
    "respelled",
    [
        lambda text: " " + text,
        lambda text: text.replace(",", ", "),
        lambda text: text.replace("{", "{\n"),
        lambda text: text.replace("+", "\\u002b").replace("=", "\\u003d"),
        lambda text: json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":")),
    ],
    ids=["leading space", "spaces", "line", "escapes", "order"],
)
def test_only_the_canonical_text_counts(alice: Person, bob: Person, respelled: Callable[[str], str]) -> None:
    """Even signed, another spelling of the same data is refused: one call has one text."""
    text = respelled(rfc8785.dumps(alice.to("dial", bob)["b"]).decode())
    signed = {"a": "dial", "b": text, "c": alice.sign(text.encode())}

    assert reason_of(PushVerifier(bob.address), json.dumps({"data": signed}).encode()) is Reason.NOT_A_CALL


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"data":null}',
        b'{"data":{"a":"dial","b":{},"c":""}}',
        b'{"data":{"a":"dial","b":"{}","c":""}}',
        b'{"data":{"a":"dial","b":"[]","c":""}}',
        b'{"data":{"a":"dial","b":"{","c":""}}',
        b'{"data":{"a":"hang","b":"{}","c":""}}',
        b'{"data":{"a":1,"b":"{}","c":""}}',
        b'{"data":{"a":"dial","b":"' + b"[" * 3000 + b'","c":""}}',
    ],
)
def test_what_is_no_call_is_dropped(bob: Person, plaintext: bytes) -> None:
    """Anything else that a server might push."""
    assert reason_of(PushVerifier(bob.address), plaintext) is Reason.NOT_A_CALL


def test_an_unknown_member_is_dropped(alice: Person, bob: Person) -> None:
    """What is signed but not understood is not half understood."""
    assert reason_of(PushVerifier(bob.address), push(alice.to("close", bob, z=1))) is Reason.NOT_A_CALL


def test_the_timestamp_is_checked_first(alice: Person, bob: Person, mallory: Person) -> None:
    """Of several faults the first in the protocol's order is named."""
    old = alice.to("dial", bob, b=0)

    assert reason_of(PushVerifier(mallory.address), push(old, c="")) is Reason.STALE


def test_the_recipient_is_checked_before_the_signature(alice: Person, bob: Person, mallory: Person) -> None:
    """No signature is verified for calls that are for others."""
    assert reason_of(PushVerifier(mallory.address), push(alice.to("dial", bob), c="")) is Reason.NOT_FOR_ME
