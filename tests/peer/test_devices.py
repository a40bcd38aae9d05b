"""Several devices of one person, at one of them: what it hears and says, and what rings no more."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.peer.network import no_ice_servers
from tests.peer.people import Person
from tests.people import SEALED, now_ms
from tests.vector_files import vectors
from whisper_peer.connection_manager import ConnectionManager
from whisper_peer.errors import AnsweredElsewhere, ConnectionFailed, Dropped, Reason
from whisper_peer.incoming_calls import CallEnd, IncomingCall
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import METHODS, Message, optional_members, parse_message
from whisper_peer.signaling_transport import SignalingTransport

pytestmark = pytest.mark.anyio

VECTORS = vectors("devices.json")
PHONE, LAPTOP = "phone-device", "laptopdevice"


@pytest.mark.parametrize("case", VECTORS["wire"], ids=lambda case: case["name"])
def test_the_wire_is_as_the_vectors_have_it(case: dict[str, Any]) -> None:
    """The server and the peer read the same of each call."""
    method, data = case["request"]["a"], case["request"]["b"]
    if not case["valid"]:
        with pytest.raises(ValueError, match=r"must be|has not the members"):
            parse_message(method, data)
        return
    message = parse_message(method, data)
    said = optional_members(method, from_device=message.from_device, to_device=message.to_device)

    assert rfc8785.dumps(data).decode() == case["signed_text"]
    assert said.items() <= data.items()
    assert isinstance(message, METHODS[method])


class Device:
    """One device of *me*: a manager whose calls go nowhere, and are kept."""

    def __init__(self, me: Person) -> None:
        self.me = me
        self.calls: list[IncomingCall] = []
        self.said: list[tuple[str, Address, dict[str, str | None]]] = []
        self.manager = ConnectionManager(me.address, self._transport_for, accept=True)
        self.manager.calls.on_call = self._ring
        self._last = now_ms()

    async def _ring(self, call: IncomingCall) -> None:
        self.calls.append(call)

    def _transport_for(self, them: Address) -> SignalingTransport:
        async def relay(
            method: str,
            encryption_key: str | None = None,  # noqa: ARG001 - as transports are called
            payload: str | None = None,  # noqa: ARG001
            **optional: str | None,
        ) -> None:
            self.said.append((method, them, optional))

        return SignalingTransport(relay, no_ice_servers, lambda _: None)

    async def has_said(self, count: int) -> None:
        """Wait until so many calls were sent."""
        async with asyncio.timeout(5):
            while len(self.said) < count:
                await asyncio.sleep(0.01)

    def message(self, method: str, sender: Person, **members: Any) -> Message:  # noqa: ANN401 - JSON
        """Return a call of *sender*, later than all before."""
        self._last += 1
        recipient = self.me.address.text
        data = {"a": sender.address.text, "b": self._last, "c": recipient, **members}
        return parse_message(method, {name: value for name, value in data.items() if value is not None})

    def hear(self, message: Message, devices: int = 2) -> Reason | None:
        """Dispatch a call, and return why it was dropped."""
        try:
            self.manager.dispatch(message, devices)
        except Dropped as dropped:
            return dropped.reason
        return None


@asynccontextmanager
async def at(me: Person) -> AsyncIterator[Device]:
    """Yield a device of *me*, which is put away at the end."""
    device = Device(me)
    yield device
    await device.manager.close()


@pytest.fixture
async def device(bob: Person) -> AsyncIterator[Device]:
    """Yield one of Bob's devices."""
    async with at(bob) as opened:
        yield opened


def new_key() -> str:
    """Return a new X25519 public key."""
    return b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()


@pytest.mark.parametrize("case", VECTORS["recipient"], ids=lambda case: case["name"])
async def test_what_rings_and_what_has_ended(device: Device, case: dict[str, Any]) -> None:
    """As the vectors tell the story of each rule."""
    people = {"bob": device.me} | {name: Person() for name in ("alice", "carol", "mallory")}
    keys = {name: new_key() for name in ("K1", "K2", "K3")}
    dropped = {}
    for push in case["pushes"]:
        members = {"d": keys[push["key"]]} if push["key"] else {"f": keys.get(push.get("dial"))}
        message = device.message(push["method"], people[push["sender"]], **members)
        if reason := device.hear(message, push.get("devices", 1)):
            dropped[push["key"]] = reason.value
        await asyncio.sleep(0)

    known = {key: name for name, key in keys.items()}
    calls = {known[b64encode(call.dial.encryption_key).decode()]: call for call in device.calls}
    ended = {name: call.ended.result().value for name, call in calls.items() if call.ended.done()}
    assert sorted(name for name, call in calls.items() if not call.ended.done()) == case["rings"]
    assert ended | dropped == case["ended"]


async def test_who_answers_tells_the_other_devices(device: Device, alice: Person) -> None:
    """With the key of the dial, to the own address; the offer goes to the device that dialled."""
    dial = device.message("dial", alice, d=new_key(), e=PHONE)
    device.hear(dial)
    await asyncio.sleep(0)
    answering = asyncio.create_task(device.calls[0].accept())
    await device.has_said(2)
    answering.cancel()

    silenced = {"dial_key": b64encode(dial.encryption_key).decode()}  # type: ignore[attr-defined]
    assert device.said[0] == ("close", device.me.address, silenced)
    assert device.said[1] == ("offer", alice.address, {"to_device": PHONE})


async def test_who_declines_tells_both(device: Device, alice: Person) -> None:
    """The caller, at the device that dialled, and the own other devices."""
    device.hear(device.message("dial", alice, d=new_key(), e=PHONE))
    await asyncio.sleep(0)
    await device.calls[0].decline()
    await asyncio.sleep(0)

    assert sorted((method, them == alice.address) for method, them, _ in device.said) == [
        ("close", False),
        ("close", True),
    ]
    assert ("close", alice.address, {"to_device": PHONE}) in device.said
    assert device.calls[0].ended.result() is CallEnd.DECLINED


async def test_who_is_alone_tells_nobody(device: Device, alice: Person) -> None:
    """A dial that came to one device rings nowhere else."""
    device.hear(device.message("dial", alice, d=new_key()), devices=1)
    await asyncio.sleep(0)
    await device.calls[0].decline()

    assert device.said == [("close", alice.address, {"to_device": None})]


async def test_a_call_that_was_answered_elsewhere_can_not_be_answered(device: Device, alice: Person) -> None:
    """The reason is told by the exception."""
    key = new_key()
    device.hear(device.message("dial", alice, d=key))
    await asyncio.sleep(0)
    device.hear(device.message("close", device.me, f=key))

    with pytest.raises(AnsweredElsewhere):
        await device.calls[0].accept()


async def test_a_call_that_was_hung_up_can_not_be_answered(device: Device, alice: Person) -> None:
    """It is a missed one."""
    device.hear(device.message("dial", alice, d=new_key()))
    await asyncio.sleep(0)
    device.hear(device.message("close", alice))

    with pytest.raises(ConnectionFailed, match="hung_up"):
        await device.calls[0].accept()


async def test_a_close_of_another_device_ends_no_ring(device: Device, alice: Person) -> None:
    """Alice's laptop has nothing to do with the call of her phone."""
    device.hear(device.message("dial", alice, d=new_key(), e=PHONE))
    await asyncio.sleep(0)

    device.hear(device.message("close", alice, d=LAPTOP))
    rings = not device.calls[0].ended.done()
    device.hear(device.message("close", alice, d=PHONE))

    assert (rings, device.calls[0].ended.result()) == (True, CallEnd.HUNG_UP)


async def test_a_close_of_another_device_ends_no_connection(device: Device, alice: Person) -> None:
    """Only the device that we connect with hangs up."""
    device.hear(device.message("dial", alice, d=new_key(), e=PHONE))
    await asyncio.sleep(0)
    answering = asyncio.create_task(device.calls[0].accept())
    await device.has_said(2)

    device.hear(device.message("close", alice, d=LAPTOP))
    await asyncio.sleep(0.05)
    goes_on = not answering.done()
    device.hear(device.message("close", alice, d=PHONE))

    with pytest.raises(ConnectionFailed, match="they closed"):
        await answering
    assert goes_on


async def test_a_device_that_answers_too_late_is_told(device: Device, alice: Person) -> None:
    """The caller has taken another: the one that connects in vain ends, with the reason."""
    key = new_key()
    device.hear(device.message("dial", alice, d=key, e=PHONE))
    await asyncio.sleep(0)
    answering = asyncio.create_task(device.calls[0].accept())
    await device.has_said(2)
    device.hear(device.message("close", alice, e=LAPTOP, f=key))

    with pytest.raises(AnsweredElsewhere):
        await answering


async def test_devices_that_answer_at_once_do_not_end_each_other(device: Device, alice: Person) -> None:
    """Only the caller knows which of them is taken."""
    key = new_key()
    device.hear(device.message("dial", alice, d=key))
    await asyncio.sleep(0)
    answering = asyncio.create_task(device.calls[0].accept())
    await asyncio.sleep(0)
    device.hear(device.message("close", device.me, f=key))
    await asyncio.sleep(0.05)

    assert not answering.done()
    answering.cancel()


async def test_a_dial_that_loses_to_ours_rings_on_no_other_device() -> None:
    """Both dial at once: the lower address is answered, and the higher rings nowhere."""
    low, high = sorted((Person(), Person()), key=lambda person: person.address.raw)
    async with at(low) as device:
        dialling = asyncio.create_task(device.manager.dial(high.address, now_ms(), 5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        key = new_key()
        reason = device.hear(device.message("dial", high, d=key, e=PHONE))
        await asyncio.sleep(0)
        dialling.cancel()

    assert reason is Reason.GLARE
    assert ("close", low.address, {"dial_key": key}) in device.said


@pytest.mark.parametrize("named", [True, False], ids=["that tells its id", "that does not"])
async def test_a_second_offer_to_our_dial_is_refused(named: bool, device: Device, alice: Person) -> None:  # noqa: FBT001
    """The device that was too late falls silent; who knows of no devices is dropped as ever."""
    dialling = asyncio.create_task(device.manager.dial(alice.address, now_ms(), 5))
    await asyncio.sleep(0.01)
    connection = device.manager._connections[alice.address]  # noqa: SLF001 - an offer that opens takes a peer
    connection.session._their_key, connection.session.expected = b"theirs", None  # noqa: SLF001
    connection._offer.set_exception(ConnectionFailed("taken"))  # noqa: SLF001
    late = LAPTOP if named else None
    reason = device.hear(device.message("offer", alice, d=new_key(), e=SEALED, f=late))
    ours = connection.session.encryption_key
    with pytest.raises(ConnectionFailed):
        await dialling
    await device.manager.close()

    refused = ("close", alice.address, {"to_device": LAPTOP, "dial_key": ours})
    assert (reason, refused in device.said) == (Reason.UNEXPECTED, named)


async def test_another_device_of_who_is_connected_rings(device: Device, alice: Person) -> None:
    """The same one that dials again needs not ask."""
    device.manager.calls.on_call = None
    first = device.message("dial", alice, d=new_key(), e=PHONE)
    device.hear(first)
    device.manager.calls.on_call = device._ring  # noqa: SLF001
    device.hear(device.message("dial", alice, d=new_key(), e=PHONE))
    device.hear(device.message("dial", alice, d=new_key(), e=LAPTOP))
    await asyncio.sleep(0)

    assert [call.device for call in device.calls] == [LAPTOP]


async def test_an_answer_of_another_device_opens_nothing(device: Device, alice: Person) -> None:
    """A connection belongs to its encryption keys, whatever device an answer says that it is from."""
    device.hear(device.message("dial", alice, d=new_key(), e=PHONE))
    await asyncio.sleep(0)
    answering = asyncio.create_task(device.calls[0].accept())
    await device.has_said(2)

    reasons = [
        device.hear(device.message("answer", alice, d=new_key(), e=SEALED, f=claimed))
        for claimed in (LAPTOP, PHONE)
    ]

    assert reasons == [Reason.UNEXPECTED] * 2
    assert not answering.done()
    answering.cancel()
