"""Parsing of bytes into a verified call, or a refusal that says what is wrong; never anything else."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.protocol.constants import CLOCK_WINDOW_MS, MAX_BODY_BYTES, MAX_FAULTS, MAX_INTEGER
from app.protocol.envelope import Call, check_fresh, read_call
from app.protocol.errors import (
    BadSignature,
    BodyTooLarge,
    InvalidCall,
    NotACall,
    NotJson,
    Refused,
    StaleTimestamp,
    UnknownMethod,
    WrongMethod,
)
from app.protocol.messages import METHODS, Answer, Close, Dial, Ice, Message, Offer, RelayedMessage, Update
from tests.people import SEALED, Person, body
from tests.processes import ROOT

WIRE = json.loads((Path(__file__).parents[1] / "vectors/wire.json").read_text(encoding="utf-8"))
NOW: int = WIRE["timestamp"]
CASES = {case["name"]: case for case in WIRE["cases"]}
HONEST = {name: case for name, case in CASES.items() if case["valid_signature"]}
FORGED = {name: case for name, case in CASES.items() if not case["valid_signature"]}

OTHER_PATHS = [
    pytest.param(method, kind, id=f"{method} to {kind.method}")
    for method in METHODS
    for kind in METHODS.values()
    if kind is not METHODS[method]
]
RELAYED = ["dial", "offer", "answer", "ice", "close"]
SUBSCRIPTION: dict[str, Any] = CASES["update with subscription"]["request"]["b"]["b"]
MARKER = "Xq7Z-echo"

WRONG: dict[str, object] = {
    "null": None,
    "true": True,
    "number": 5,
    "negative": -1,
    "beyond 2^53 - 1": MAX_INTEGER + 1,
    "400 digits": 10**400,
    "text": MARKER,
    "digits": "1760000000000",
    "empty text": "",
    "list": [MARKER],
    "object": {MARKER: MARKER},
}
NOT_A_NUMBER = {name: value for name, value in WRONG.items() if name not in ("null", "number")}


def opened(call: object, kind: type[Message] = Message, now: int = NOW) -> Call[Message]:
    """Open a call, as its bytes arrive."""
    return read_call(json.dumps(call).encode(), kind, now=now, window=CLOCK_WINDOW_MS).verify()


def refusal_of(call: object, kind: type[Message] = Message, now: int = NOW) -> Refused:
    """Return why *call* is refused."""
    with pytest.raises(Refused) as caught:
        opened(call, kind, now)
    return caught.value


def outcome_of(text: bytes) -> Refused | None:
    """Return why bytes are refused, if they are."""
    try:
        read_call(text, Message, now=NOW, window=CLOCK_WINDOW_MS).verify()
    except Refused as refusal:
        return refusal
    return None


def places(refusal: Refused) -> list[str]:
    """Return where the faults are."""
    return [fault.partition(":")[0] for fault in refusal.errors]


def with_member(call: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return *call* with one member changed or added: `b.b.c` is c of b of b."""
    changed: dict[str, Any] = json.loads(json.dumps(call))
    *above, name = path.split(".")
    place = changed
    for step in above:
        place = place[step]
    place[name] = value
    return changed


@pytest.mark.parametrize("case", HONEST.values(), ids=HONEST)
def test_an_honest_call_of_the_vectors_is_opened(case: dict[str, Any]) -> None:
    """Another implementation signed it, and its signed text is ours to the letter."""
    call = opened(case["request"])

    assert (call.text, call.signature) == (case["signed_text"], case["request"]["c"])
    assert isinstance(call.message, METHODS[case["request"]["a"]])


@pytest.mark.parametrize("case", FORGED.values(), ids=FORGED)
def test_a_forged_call_of_the_vectors_is_refused(case: dict[str, Any]) -> None:
    """Changed, reordered, or signed by someone else."""
    refusal = refusal_of(case["request"])

    assert (refusal.status, refusal.code) == (401, "bad_signature")


def test_a_call_holds_what_was_said() -> None:
    """Every member of the wire has its name here."""
    ice = opened(CASES["ice batch from bob to alice"]["request"], Ice).message

    assert isinstance(ice, Ice)
    assert (ice.sender.text, ice.recipient.text) == (
        WIRE["keys"]["bob"]["public"],
        WIRE["keys"]["alice"]["public"],
    )
    assert (ice.sent_at, ice.direction) == (NOW, 2)
    assert ice.payload == CASES["ice batch from bob to alice"]["request"]["b"]["e"]
    assert b64encode(ice.encryption_key).decode() == CASES["ice batch from bob to alice"]["request"]["b"]["d"]


def test_a_registration_holds_its_subscription() -> None:
    """Its keys are bytes, whatever alphabet they came in."""
    update = opened(CASES["update with standard-base64 keys and expiration"]["request"], Update).message

    assert isinstance(update, Update)
    assert update.subscription is not None
    assert update.subscription.endpoint.host == "updates.push.services.mozilla.com"
    assert update.subscription.expires_at == 1_790_000_000_000
    assert [len(update.subscription.keys.p256dh), len(update.subscription.keys.auth)] == [65, 16]


def test_a_message_does_not_change(alice: Person, bob: Person) -> None:
    """What was verified stays as it was."""
    message = opened(alice.to("close", bob, b=NOW)).message

    with pytest.raises(ValueError, match="frozen"):
        message.sender = bob.address


@pytest.mark.parametrize(
    "print_call",
    [
        lambda call: json.dumps(call, indent=3).encode(),
        lambda call: json.dumps(dict(reversed(call.items()))).encode(),
        lambda call: json.dumps({**call, "b": dict(reversed(call["b"].items()))}).encode(),
        lambda call: json.dumps(call).replace('"a"', '"\\u0061"').replace("/", "\\/").encode(),
        lambda call: b"\r\n\t " + body(call) + b"\n",
    ],
    ids=["pretty", "reversed", "data reversed", "escaped", "white space around"],
)
def test_a_call_may_be_spelt_in_any_way(
    print_call: Callable[[dict[str, Any]], bytes], alice: Person, bob: Person
) -> None:
    """The signature is over the canonical text, which the server makes itself."""
    call = alice.to("offer", bob, b=NOW)

    found = read_call(print_call(call), Offer, now=NOW, window=CLOCK_WINDOW_MS).verify()

    assert found == opened(call, Offer)


@pytest.mark.parametrize("offset", [-CLOCK_WINDOW_MS, -1, 0, 1, CLOCK_WINDOW_MS])
@pytest.mark.parametrize("method", RELAYED)
def test_a_timestamp_within_the_window_is_fresh(method: str, offset: int, alice: Person, bob: Person) -> None:
    """Both ends of the window are inside."""
    call = opened(alice.to(method, bob, b=NOW + offset), METHODS[method])

    assert isinstance(call.message, RelayedMessage)
    assert call.message.sent_at == NOW + offset


@pytest.mark.parametrize("offset", [-CLOCK_WINDOW_MS - 1, CLOCK_WINDOW_MS + 1, -NOW, MAX_INTEGER - NOW])
@pytest.mark.parametrize("method", RELAYED)
def test_a_timestamp_outside_the_window_is_stale(
    method: str, offset: int, alice: Person, bob: Person
) -> None:
    """One millisecond beyond either end is too much."""
    refusal = refusal_of(alice.to(method, bob, b=NOW + offset), METHODS[method])

    assert (refusal.status, refusal.code) == (409, "stale_timestamp")


@pytest.mark.parametrize("offset", [-CLOCK_WINDOW_MS, CLOCK_WINDOW_MS])
@pytest.mark.parametrize("subscription", [None, SUBSCRIPTION, ...], ids=["forget", "register", "ask"])
def test_an_update_within_the_window_is_fresh(subscription: object, offset: int, alice: Person) -> None:
    """Its timestamp may be left out; one that is there counts."""
    call = opened(alice.update(subscription, NOW + offset), Update)

    assert isinstance(call.message, Update)
    assert call.message.sent_at == NOW + offset


@pytest.mark.parametrize("offset", [-CLOCK_WINDOW_MS - 1, CLOCK_WINDOW_MS + 1])
@pytest.mark.parametrize("subscription", [None, SUBSCRIPTION, ...], ids=["forget", "register", "ask"])
def test_an_update_outside_the_window_is_stale(subscription: object, offset: int, alice: Person) -> None:
    """A recorded registration is worth nothing later."""
    refusal = refusal_of(alice.update(subscription, NOW + offset), Update)

    assert (refusal.status, refusal.code) == (409, "stale_timestamp")


@pytest.mark.parametrize(
    ("offset", "words"),
    [(-7_000, "7000 ms behind the"), (6_001, "6001 ms ahead of the")],
    ids=["slow", "fast"],
)
def test_a_stale_timestamp_says_how_far_and_which_way(
    offset: int, words: str, alice: Person, bob: Person
) -> None:
    """A person can tell a slow clock from a fast one, and what is allowed."""
    refusal = refusal_of(alice.to("dial", bob, b=NOW + offset))

    assert f"{words} server's clock, 5000 ms are allowed" in refusal.reason


def test_the_window_is_the_operators(alice: Person, bob: Person) -> None:
    """What is stale for one server is fresh for another."""
    call = body(alice.to("dial", bob, b=NOW - 60_000))

    assert read_call(call, Dial, now=NOW, window=60_000).verify().message.sent_at == NOW - 60_000


def test_the_clock_is_looked_at_before_the_signature(alice: Person, bob: Person, mallory: Person) -> None:
    """A stale forgery costs no cryptography: it is refused for its age."""
    forged = alice.to("dial", bob, b=NOW - 60_000) | {"c": mallory.sign(b"")}

    assert isinstance(refusal_of(forged), StaleTimestamp)


@pytest.mark.parametrize("path", ["its own", "any"])
@pytest.mark.parametrize("method", METHODS)
def test_a_path_takes_its_own_method(method: str, path: str, alice: Person, bob: Person) -> None:
    """And `/api/v1/call` takes every one."""
    call = alice.update() if method == "update" else alice.to(method, bob, b=NOW)

    message = opened(call, METHODS[method] if path == "its own" else Message).message

    assert type(message) is METHODS[method]


@pytest.mark.parametrize(("method", "kind"), OTHER_PATHS)
def test_a_path_takes_no_other_method(method: str, kind: type[Message], alice: Person, bob: Person) -> None:
    """It says which one it wants."""
    call = alice.update() if method == "update" else alice.to(method, bob, b=NOW)

    refusal = refusal_of(call, kind)

    assert (refusal.status, refusal.code) == (422, "wrong_method")
    assert f'"{kind.method}"' in refusal.reason


@pytest.mark.parametrize("method", ["", "DIAL", "dial ", "call", "message", "__class__", "\x00", MARKER])
def test_an_unknown_method_is_refused(method: str, alice: Person, bob: Person) -> None:
    """A method has one spelling, and there are six."""
    refusal = refusal_of(alice.to("dial", bob, b=NOW) | {"a": method})

    assert (refusal.status, refusal.code) == (422, "unknown_method")


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("", NotACall),
        (1, NotACall),
        (True, NotACall),
        (None, NotACall),
        ([], NotACall),
        (["dial", {}, ""], NotACall),
        ({}, NotACall),
        ({"a": "dial", "b": {}}, NotACall),
        ({"a": "dial", "b": {}, "c": "", "d": ""}, NotACall),
        ({"a": "dial", "b": [], "c": ""}, NotACall),
        ({"a": "dial", "b": "{}", "c": ""}, NotACall),
        ({"a": ["dial"], "b": {}, "c": ""}, NotACall),
        ({"a": "dial", "b": {}, "c": None}, NotACall),
        ({"A": "dial", "B": {}, "C": ""}, NotACall),
        ({"a": "dial", "b": {}, "c": ""}, InvalidCall),
        ({"a": "dial", "b": {"a": 1.5}, "c": ""}, NotJson),
        ({"a": "dial", "b": {"a": "\ud800"}, "c": ""}, NotJson),
        ({"a": "ring", "b": {}, "c": ""}, UnknownMethod),
    ],
    ids=repr,
)
def test_a_value_of_another_shape_has_its_own_refusal(call: object, kind: type[Refused]) -> None:
    """First JSON, then a call, then a method, then its content."""
    assert type(refusal_of(call)) is kind


def test_each_fault_of_the_shape_is_told() -> None:
    """A caller mends all three members at once."""
    refusal = refusal_of({"a": 1, "b": [], "d": MARKER})

    assert refusal.errors == [
        "a: must be text",
        "b: must be an object",
        "c: must be text",
        "a call has no members but a, b and c",
    ]


def test_a_body_may_be_as_large_as_the_limit(alice: Person, bob: Person) -> None:
    """White space counts."""
    call = body(alice.to("dial", bob, b=NOW)).ljust(MAX_BODY_BYTES)

    assert read_call(call, Dial, now=NOW, window=CLOCK_WINDOW_MS).verify().message.sender == alice.address


def test_a_body_over_the_limit_says_by_how_much(alice: Person, bob: Person) -> None:
    """It is refused before anything of it is read."""
    call = body(alice.to("dial", bob, b=NOW)).ljust(MAX_BODY_BYTES + 7)

    with pytest.raises(BodyTooLarge, match="7 bytes over 8192"):
        read_call(call, Dial, now=NOW, window=CLOCK_WINDOW_MS).verify()


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("place", ["b.a", "b.c", "b.d", "b.e"])
def test_a_text_of_the_wrong_content_is_named(place: str, value: object, alice: Person, bob: Person) -> None:
    """No other value is bent to be an address, a key or a payload."""
    call = with_member(alice.to("ice", bob, b=NOW), place, value)

    refusal = refusal_of(call)

    assert (refusal.code, places(refusal)) == ("invalid_call", [place])


@pytest.mark.parametrize("value", NOT_A_NUMBER.values(), ids=NOT_A_NUMBER)
@pytest.mark.parametrize("place", ["b.b", "b.f"])
def test_a_number_of_the_wrong_content_is_named(
    place: str, value: object, alice: Person, bob: Person
) -> None:
    """True is not 1, and "5" is not 5."""
    call = with_member(alice.to("ice", bob, b=NOW), place, value)

    refusal = refusal_of(call)

    assert (refusal.code, places(refusal)) == ("invalid_call", [place])


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("place", ["b.a", "b.b.a", "b.b.c.a", "b.b.c.b"])
def test_a_text_of_a_subscription_of_the_wrong_content_is_named(
    place: str, value: object, alice: Person
) -> None:
    """However deep it is."""
    refusal = refusal_of(with_member(alice.update(SUBSCRIPTION), place, value))

    assert (refusal.code, places(refusal)) == ("invalid_call", [place])


@pytest.mark.parametrize("value", NOT_A_NUMBER.values(), ids=NOT_A_NUMBER)
@pytest.mark.parametrize("place", ["b.b.b", "b.c"])
def test_a_number_of_an_update_of_the_wrong_content_is_named(
    place: str, value: object, alice: Person
) -> None:
    """The expiration and the timestamp are whole milliseconds."""
    refusal = refusal_of(with_member(alice.update(SUBSCRIPTION), place, value))

    assert (refusal.code, places(refusal)) == ("invalid_call", [place])


@pytest.mark.parametrize("value", [True, 5, MARKER, "", [], [SUBSCRIPTION]], ids=str)
@pytest.mark.parametrize("place", ["b.b", "b.b.c"])
def test_a_part_of_an_update_that_is_no_object_is_named(place: str, value: object, alice: Person) -> None:
    """A subscription is an object, and so are its keys."""
    refusal = refusal_of(with_member(alice.update(SUBSCRIPTION), place, value))

    assert (refusal.code, places(refusal)) == ("invalid_call", [place])


@pytest.mark.parametrize(
    ("subscription", "missing"),
    [({}, ["b.b.a", "b.b.c"]), ({**SUBSCRIPTION, "c": {}}, ["b.b.c.a", "b.b.c.b"])],
    ids=["empty subscription", "empty keys"],
)
def test_a_subscription_says_all_that_it_lacks(
    subscription: dict[str, Any], missing: list[str], alice: Person
) -> None:
    """One entry a member."""
    assert places(refusal_of(alice.update(subscription))) == missing


@pytest.mark.parametrize("direction", [1, 2])
def test_an_ice_call_has_two_directions(direction: int, alice: Person, bob: Person) -> None:
    """1 for incoming, 2 for outgoing candidates."""
    message = opened(alice.to("ice", bob, b=NOW, f=direction), Ice).message

    assert isinstance(message, Ice)
    assert message.direction == direction


@pytest.mark.parametrize("direction", [0, 3])
def test_an_ice_call_has_no_third_direction(direction: int, alice: Person, bob: Person) -> None:
    """Nor one before the first."""
    assert places(refusal_of(alice.to("ice", bob, b=NOW, f=direction))) == ["b.f"]


@pytest.mark.parametrize(
    ("method", "members"),
    [
        ("dial", ["a", "b", "c", "d"]),
        ("offer", ["a", "b", "c", "d", "e"]),
        ("answer", ["a", "b", "c", "d", "e"]),
        ("ice", ["a", "b", "c", "d", "e"]),
        ("close", ["a", "b", "c"]),
        ("update", ["a"]),
    ],
)
def test_a_call_says_all_that_it_lacks(method: str, members: list[str], alice: Person) -> None:
    """One entry a member, in the order of the protocol."""
    refusal = refusal_of(alice.call(method, {}))

    assert places(refusal) == [f"b.{member}" for member in members]


@pytest.mark.parametrize(
    ("method", "member"), [("dial", "h"), ("offer", "h"), ("answer", "h"), ("close", "g"), ("ice", "i")]
)
def test_a_call_has_no_members_of_another_method(
    method: str, member: str, alice: Person, bob: Person
) -> None:
    """What the server would not understand it does not pass on."""
    refusal = refusal_of(alice.to(method, bob, b=NOW, **{member: SEALED}))

    assert refusal.errors == [f"b: 1 unknown member(s) for {method}"]


def test_unknown_members_are_one_fault(alice: Person, bob: Person) -> None:
    """They are counted: a thousand of them are no reason for a long answer."""
    unknown = {f"{MARKER}{number}": 0 for number in range(300)}

    refusal = refusal_of(alice.to("close", bob, b=NOW, **unknown))

    assert refusal.errors == ["b: 300 unknown member(s) for close"]


def test_every_fault_is_told_at_once(bob: Person) -> None:
    """Nobody has to send a call five times to learn five things."""
    data = {"a": "AAAA", "b": "now", "c": bob.address.text, "d": None, "e": "", "x": 1}

    refusal = refusal_of({"a": "offer", "b": data, "c": "AAAA"})

    assert (refusal.status, refusal.code) == (422, "invalid_call")
    assert refusal.errors == [
        "b.a: must be 32 bytes, not 3",
        "b.b: input should be a valid integer",
        "b.d: must be text",
        "b.e: must be text",
        "b: 1 unknown member(s) for offer",
        "c: must be 64 bytes, not 3",
    ]


def test_the_list_of_faults_is_bounded() -> None:
    """Even when everything that can be wrong is."""
    data = {"a": 1, "b": {"a": 1, "b": "", "c": {"a": 1, "b": 1, "x": 1}, "x": 1}, "c": "", "x": 1}

    refusal = refusal_of({"a": "update", "b": data, "c": ""})

    assert len(refusal.errors) == MAX_FAULTS


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda text: text.rstrip("="), "c: is not padded standard base64"),
        (lambda text: text + "\n", "c: is not padded standard base64"),
        (lambda text: b64encode(b64decode(text)[:63]).decode(), "c: must be 64 bytes, not 63"),
        (lambda text: b64encode(b64decode(text) + b"\x00").decode(), "c: must be 64 bytes, not 65"),
        (lambda _: "", "c: must be 64 bytes, not 0"),
    ],
    ids=["no padding", "line break", "63 bytes", "65 bytes", "empty"],
)
def test_a_signature_in_the_wrong_form_is_a_fault_of_c(
    spoil: Callable[[str], str], fault: str, alice: Person, bob: Person
) -> None:
    """It is told from one that does not verify: the one is a mistake, the other a lie."""
    call = alice.to("dial", bob, b=NOW)

    refusal = refusal_of(call | {"c": spoil(call["c"])})

    assert (refusal.code, refusal.errors) == ("invalid_call", [fault])


@pytest.mark.parametrize("payload", ["QUJD", "QUI=", "QQ=="])
def test_a_payload_is_opaque(payload: str, alice: Person, bob: Person) -> None:
    """Any bytes in canonical base64 are passed on as they are."""
    message = opened(alice.to("offer", bob, b=NOW, e=payload)).message

    assert isinstance(message, Offer)
    assert message.payload == payload


@pytest.mark.parametrize("payload", ["QUJ", "QQ", "QR==", "QQ==\n", "-_-_", "QQ== ", "{}", "data:,QUJD"])
def test_a_payload_is_canonical_base64(payload: str, alice: Person, bob: Person) -> None:
    """One payload has one text, or a signature would have several."""
    refusal = refusal_of(alice.to("answer", bob, b=NOW, e=payload), Answer)

    assert places(refusal) == ["b.e"]


def test_an_update_without_a_subscription_asks_the_time(alice: Person) -> None:
    """A new client does not know it yet, so no timestamp is needed."""
    update = opened(alice.update(), Update).message

    assert isinstance(update, Update)
    assert (update.subscription, update.sent_at, update.forgets) == (None, None, False)


def test_an_update_without_a_timestamp_registers(alice: Person) -> None:
    """The first registration comes before the clock is set."""
    update = opened(alice.update(SUBSCRIPTION), Update).message

    assert isinstance(update, Update)
    assert (update.subscription is None, update.sent_at, update.forgets) == (False, None, False)


def test_an_update_with_null_forgets(alice: Person) -> None:
    """Null is not the same as nothing."""
    update = opened(alice.update(None, NOW), Update).message

    assert isinstance(update, Update)
    assert (update.subscription, update.sent_at, update.forgets) == (None, NOW, True)


@pytest.mark.parametrize("members", [{"b": None}, {"b": None, "c": None}], ids=["absent", "null"])
def test_to_be_forgotten_needs_a_timestamp(members: dict[str, object], alice: Person) -> None:
    """Without one, whoever recorded it could send it for ever."""
    refusal = refusal_of(alice.call("update", {"a": alice.address.text, **members}))

    assert (refusal.code, places(refusal)) == ("invalid_call", ["b.c"])


@pytest.mark.parametrize("expires_at", [0, 1, NOW - 1, NOW])
def test_an_expired_subscription_needs_a_timestamp(expires_at: int, alice: Person) -> None:
    """It would never ring: it is one that ends, and whoever recorded it could end it for ever."""
    refusal = refusal_of(alice.update({**SUBSCRIPTION, "b": expires_at}))

    ending = opened(alice.update({**SUBSCRIPTION, "b": expires_at}, sent_at=NOW), Update).message

    assert (refusal.code, refusal.errors) == ("invalid_call", ["b.b.b: the subscription has expired"])
    assert isinstance(ending, Update)
    assert ending.has_expired(NOW)


@pytest.mark.parametrize("said", [{}, {"b": SUBSCRIPTION}], ids=["absent", "a subscription"])
def test_a_device_is_ended_with_null_alone(said: dict[str, object], alice: Person) -> None:
    """Anything else beside it means something else."""
    refusal = refusal_of(
        alice.call("update", {"a": alice.address.text, "c": NOW, "e": "device-12345", **said})
    )

    assert refusal.errors == ["b.e: a device is ended with null in b"]


@pytest.mark.parametrize("expires_at", [NOW + 1, MAX_INTEGER, None])
def test_a_subscription_that_has_not_expired_is_taken(expires_at: int | None, alice: Person) -> None:
    """Null is what browsers send."""
    update = opened(alice.update({**SUBSCRIPTION, "b": expires_at}), Update).message

    assert isinstance(update, Update)
    assert update.subscription is not None
    assert update.subscription.expires_at == expires_at


def test_a_subscription_may_leave_its_expiration_out(alice: Person) -> None:
    """It means the same as null."""
    subscription = {name: SUBSCRIPTION[name] for name in ("a", "c")}

    update = opened(alice.update(subscription), Update).message

    assert isinstance(update, Update)
    assert update.subscription is not None
    assert update.subscription.expires_at is None


@pytest.mark.parametrize("place", ["b.x", "b.b.x", "b.b.c.x"])
def test_a_subscription_has_no_members_of_its_own(place: str, alice: Person) -> None:
    """At no depth."""
    refusal = refusal_of(with_member(alice.update(SUBSCRIPTION), place, 1))

    assert refusal.errors == ["b: 1 unknown member(s) for update"]


@pytest.mark.parametrize(
    "change", [{"c": "mallory"}, {"d": "mallory"}, {"e": "QUJD"}, {"b": NOW + 1}], ids=str
)
def test_data_that_was_changed_after_signing_is_refused(
    change: dict[str, Any], alice: Person, bob: Person, mallory: Person
) -> None:
    """Well-formed, fresh, and not what was signed."""
    strangers = {"c": mallory.address.text, "d": mallory.encryption_key}
    call = alice.to("offer", bob, b=NOW)
    call["b"] |= {name: strangers[name] if value == "mallory" else value for name, value in change.items()}

    assert type(refusal_of(call)) is BadSignature


def test_nobody_signs_for_another(alice: Person, bob: Person, mallory: Person) -> None:
    """The sender is whose key it is, not who says so."""
    call = mallory.to("dial", bob, b=NOW, a=alice.address.text)

    assert type(refusal_of(call)) is BadSignature


@pytest.mark.parametrize("text", [b"", b"{}", b"dial"], ids=repr)
def test_a_signature_of_another_text_is_refused(text: bytes, alice: Person, bob: Person) -> None:
    """Only the canonical text of b will do."""
    assert type(refusal_of(alice.to("dial", bob, b=NOW) | {"c": alice.sign(text)})) is BadSignature


@pytest.mark.parametrize("call", ["dial", "close", "update with timestamp"])
def test_one_flipped_bit_anywhere_is_refused(call: str) -> None:
    """In the method, the data or the signature, in a name, a value or between them."""
    honest = body(CASES[call]["request"])
    flipped = [
        bytes([*honest[:index], honest[index] ^ 1 << bit, *honest[index + 1 :]])
        for index in range(len(honest))
        for bit in range(8)
    ]

    accepted = [text for text in flipped if outcome_of(text) is None]

    assert (outcome_of(honest), accepted) == (None, [])


ECHOES: dict[str, object] = {
    "the method": {"a": MARKER, "b": {}, "c": ""},
    "a member of the call": {"a": "dial", "b": {}, "c": "", MARKER: MARKER},
    "the whole": MARKER,
    "a list": [MARKER],
    "another type for the data": {"a": "dial", "b": MARKER, "c": MARKER},
    "names of the data": {"a": "dial", "b": {MARKER: MARKER}, "c": MARKER},
    "the signature": {**CASES["dial"]["request"], "c": MARKER},
    **{
        f"{place} of an ice call": with_member(CASES["ice batch from bob to alice"]["request"], place, value)
        for place in ("b.a", "b.b", "b.c", "b.d", "b.e", "b.f", "b.g")
        for value in (MARKER, [MARKER], {MARKER: MARKER})
    },
    **{
        f"{place} of an update": with_member(CASES["update with timestamp"]["request"], place, value)
        for place in ("b.b", "b.c", "b.b.a", "b.b.b", "b.b.c", "b.b.x", "b.b.c.a", "b.b.c.b", "b.b.c.x")
        for value in (MARKER, f"https://{MARKER}/", [MARKER], {MARKER: MARKER})
    },
}


@pytest.mark.parametrize("call", ECHOES.values(), ids=ECHOES)
def test_a_refusal_repeats_nothing_of_the_call(call: object) -> None:
    """What is answered ends in logs and consoles: it holds no name or value that was sent."""
    refusal = refusal_of(call)

    assert MARKER.lower() not in f"{refusal.reason} {refusal.errors} {refusal!r}".lower()


CLOSE = Close.model_validate(CASES["close"]["request"]["b"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abcdef") | st.text(), inner),
    max_leaves=10,
)
CALLS = st.fixed_dictionaries(
    {"a": st.sampled_from(list(METHODS)) | VALUES, "b": VALUES, "c": st.just("A" * 86 + "==") | VALUES}
)
SPOILT = st.builds(
    with_member,
    st.sampled_from([case["request"] for case in CASES.values()]),
    st.sampled_from(["a", "b", "c", "d", "b.a", "b.b", "b.c", "b.d", "b.e", "b.f", "b.\x00"]),
    VALUES,
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200) | (VALUES | CALLS | SPOILT).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_call_or_a_refusal(text: bytes) -> None:
    """Whatever arrives, no other exception is raised, and the refusal is one we can answer with."""
    refusal = outcome_of(text)

    assert refusal is None or 400 <= refusal.status < 500
    assert refusal is None or len(refusal.errors) <= MAX_FAULTS


@settings(deadline=None, max_examples=100)
@given(st.integers(-2 * CLOCK_WINDOW_MS, 2 * CLOCK_WINDOW_MS), st.integers(0, 2 * CLOCK_WINDOW_MS))
def test_fresh_means_within_the_window(offset: int, window: int) -> None:
    """No other clock and no other number has a say."""
    try:
        check_fresh(CLOSE, NOW + offset, window)
        fresh = True
    except StaleTimestamp:
        fresh = False

    assert fresh is (abs(offset) <= window)


def test_a_method_of_another_path_is_refused_before_its_content() -> None:
    """The path is the first thing to be wrong."""
    assert type(refusal_of({"a": "dial", "b": {}, "c": ""}, Close)) is WrongMethod


def test_only_its_verification_makes_a_verified_call() -> None:
    """No other line of the server does, so that whoever holds a call may rely on its signature."""
    made = re.compile(r"(?<!class )\bCall(?:\[[^\]]*\])?(?:\._make)?\(")
    files = {file: file.read_text(encoding="utf-8") for file in (ROOT / "app").rglob("*.py")}

    assert [(file.name, len(made.findall(text))) for file, text in files.items() if made.search(text)] == [
        ("envelope.py", 1)
    ]
