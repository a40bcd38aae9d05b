"""Order of calls in a signaling session: two sides, and no network."""

from typing import TypeVar

import pytest

from tests.peer.people import Person
from whisper_peer.errors import Dropped, Reason
from whisper_peer.protocol.messages import Answer, Close, Dial, Ice, Message, Offer, parse_message
from whisper_peer.signaling_session import MAX_EARLY, SignalingSession

BEGAN = 1_760_000_000_000
OFFER = {"type": "offer", "sdp": "v=0\r\n"}
ANSWER = {"type": "answer", "sdp": "v=0\r\n"}
THE_END = [{"candidate": "", "sdpMid": "0"}]

K = TypeVar("K", Offer, Answer, Ice)
M = TypeVar("M", bound=Message)


def _parsed(kind: type[M], data: dict[str, object]) -> M:
    message = parse_message(kind.method, data)
    assert isinstance(message, kind)
    return message


class Side:
    """One side of a connection, and what it says."""

    def __init__(self, me: Person, them: Person) -> None:
        self._me = me.address
        self._them = them.address
        self.session = SignalingSession(me.address, them.address, BEGAN)

    def dial(self, at: int = BEGAN + 1) -> Dial:
        """Say dial."""
        return _parsed(Dial, self._data(at))

    def say(self, kind: type[K], value: object, at: int = BEGAN + 2) -> K:
        """Say something sealed."""
        return _parsed(kind, self._data(at) | {"e": self.session.seal(kind.method, value)})

    def close(self, at: int) -> Close:
        """Say close."""
        return _parsed(Close, {"a": self._me.text, "b": at, "c": self._them.text})

    def _data(self, at: int) -> dict[str, object]:
        return {"a": self._me.text, "b": at, "c": self._them.text, "d": self.session.encryption_key}


@pytest.fixture
def caller(alice: Person, bob: Person) -> Side:
    """Return the side of Alice, who has dialled Bob."""
    side = Side(alice, bob)
    side.session.expected = Offer
    return side


@pytest.fixture
def called(alice: Person, bob: Person, caller: Side) -> Side:
    """Return the side of Bob, who has heard Alice's dial."""
    side = Side(bob, alice)
    side.session.on_dial(caller.dial())
    return side


def reason_of(dropped: pytest.ExceptionInfo[Dropped]) -> Reason:
    """Return why something was dropped."""
    return dropped.value.reason


def test_an_offer_is_opened_by_the_caller(caller: Side, called: Side) -> None:
    """The dial and the offer tell both keys, and so the sealed description opens."""
    description = caller.session.on_description(called.say(Offer, OFFER))

    assert (description.type, description.sdp) == ("offer", "v=0\r\n")


def test_an_answer_is_opened_by_the_called(caller: Side, called: Side) -> None:
    """The other direction has its own key."""
    caller.session.on_description(called.say(Offer, OFFER))
    called.session.expected = Answer

    description = called.session.on_description(caller.say(Answer, ANSWER))

    assert description.type == "answer"


def test_an_offer_that_nobody_asked_for_is_dropped(alice: Person, bob: Person, called: Side) -> None:
    """Who has not dialled takes no offer."""
    somebody = SignalingSession(alice.address, bob.address, BEGAN)

    with pytest.raises(Dropped) as dropped:
        somebody.on_description(called.say(Offer, OFFER))

    assert reason_of(dropped) is Reason.UNEXPECTED


def test_a_second_offer_is_dropped(caller: Side, called: Side) -> None:
    """One dial, one offer."""
    caller.session.on_description(called.say(Offer, OFFER))

    with pytest.raises(Dropped) as dropped:
        caller.session.on_description(called.say(Offer, OFFER))

    assert reason_of(dropped) is Reason.UNEXPECTED


def test_an_answer_before_the_offer_is_sent_is_dropped(caller: Side, called: Side) -> None:
    """Who has made no offer takes no answer."""
    caller.session.on_description(called.say(Offer, OFFER))

    with pytest.raises(Dropped) as dropped:
        called.session.on_description(caller.say(Answer, ANSWER))

    assert reason_of(dropped) is Reason.UNEXPECTED


def test_an_answer_instead_of_an_offer_is_dropped(caller: Side, called: Side) -> None:
    """The caller waits for an offer, and for nothing else."""
    with pytest.raises(Dropped) as dropped:
        caller.session.on_description(called.say(Answer, ANSWER))

    assert reason_of(dropped) is Reason.UNEXPECTED


def test_an_answer_with_another_key_is_dropped(alice: Person, bob: Person, called: Side) -> None:
    """The key of the dial is the key of the connection."""
    called.session.expected = Answer
    other = Side(alice, bob)
    other.session.on_dial(called.dial())

    with pytest.raises(Dropped) as dropped:
        called.session.on_description(other.say(Answer, ANSWER))

    assert reason_of(dropped) is Reason.UNEXPECTED


@pytest.mark.parametrize("value", [None, [], {"type": "answer", "sdp": ""}, {"type": "offer"}])
def test_an_offer_that_opens_to_nonsense_is_dropped(caller: Side, called: Side, value: object) -> None:
    """A description has a type, which is the method's, and an SDP."""
    with pytest.raises(Dropped) as dropped:
        caller.session.on_description(called.say(Offer, value))

    assert reason_of(dropped) is Reason.BROKEN_SEAL


def test_an_offer_sealed_for_another_connection_is_dropped(alice: Person, bob: Person, called: Side) -> None:
    """The seal binds both encryption keys."""
    other = Side(alice, bob)
    other.session.expected = Offer

    with pytest.raises(Dropped) as dropped:
        other.session.on_description(called.say(Offer, OFFER))

    assert reason_of(dropped) is Reason.BROKEN_SEAL


def test_a_good_offer_is_taken_after_a_bad_one(caller: Side, called: Side) -> None:
    """What does not open changes nothing."""
    with pytest.raises(Dropped):
        caller.session.on_description(called.say(Offer, None))

    assert caller.session.on_description(called.say(Offer, OFFER)).type == "offer"


def test_candidates_are_opened(caller: Side, called: Side) -> None:
    """After the offer they come one call at a time."""
    caller.session.on_description(called.say(Offer, OFFER))

    assert caller.session.on_ice(called.say(Ice, THE_END)) == [None]


def test_candidates_before_the_offer_are_kept(caller: Side, called: Side) -> None:
    """Pushes keep no order; the offer tells the key that opens them."""
    at_once = caller.session.on_ice(called.say(Ice, THE_END))

    caller.session.on_description(called.say(Offer, OFFER))

    assert (at_once, caller.session.pop_early_candidates()) == ([], [None])


def test_early_candidates_of_another_connection_are_forgotten(
    alice: Person, bob: Person, caller: Side, called: Side
) -> None:
    """Only those under the offer's key belong to it."""
    other = Side(bob, alice)
    other.session.on_dial(caller.dial())
    caller.session.on_ice(other.say(Ice, THE_END))

    caller.session.on_description(called.say(Offer, OFFER))

    assert caller.session.pop_early_candidates() == []


def test_a_bad_early_candidate_does_not_spoil_the_offer(caller: Side, called: Side) -> None:
    """It is forgotten, and the good ones are kept."""
    caller.session.on_ice(called.say(Ice, "nonsense"))
    caller.session.on_ice(called.say(Ice, THE_END))

    caller.session.on_description(called.say(Offer, OFFER))

    assert caller.session.pop_early_candidates() == [None]


def test_a_flood_of_early_candidates_is_dropped(caller: Side, called: Side) -> None:
    """So many calls are kept, and no more."""
    for _ in range(MAX_EARLY):
        caller.session.on_ice(called.say(Ice, THE_END))

    with pytest.raises(Dropped) as dropped:
        caller.session.on_ice(called.say(Ice, THE_END))

    assert reason_of(dropped) is Reason.BUSY


def test_candidates_with_another_key_are_dropped(alice: Person, bob: Person, called: Side) -> None:
    """Candidates are for one connection, not for a person."""
    other = Side(alice, bob)
    other.session.on_dial(called.dial())

    with pytest.raises(Dropped) as dropped:
        called.session.on_ice(other.say(Ice, THE_END))

    assert reason_of(dropped) is Reason.UNEXPECTED


def test_candidates_that_open_to_nonsense_are_dropped(caller: Side, called: Side) -> None:
    """Sealed well, but no candidates."""
    caller.session.on_description(called.say(Offer, OFFER))

    with pytest.raises(Dropped) as dropped:
        caller.session.on_ice(called.say(Ice, [{"candidate": 1}]))

    assert reason_of(dropped) is Reason.BROKEN_SEAL


def glaring(alice: Person, bob: Person) -> tuple[Side, Side]:
    """Return both sides of two dials that crossed: the lower address, the higher."""
    lower, higher = sorted([alice, bob], key=lambda person: person.address.raw)
    sides = Side(lower, higher), Side(higher, lower)
    for side in sides:
        side.session.expected = Offer
    return sides


def test_the_lower_address_keeps_its_dial(alice: Person, bob: Person) -> None:
    """When both have dialled, it goes on waiting for an offer."""
    lower, higher = glaring(alice, bob)

    with pytest.raises(Dropped) as dropped:
        lower.session.on_dial(higher.dial())

    assert reason_of(dropped) is Reason.GLARE
    assert lower.session.expected is Offer


def test_the_higher_address_takes_the_dial_and_offers(alice: Person, bob: Person) -> None:
    """It gives up its own, and seals its offer with the keys of both dials."""
    lower, higher = glaring(alice, bob)

    higher.session.on_dial(lower.dial())

    assert lower.session.on_description(higher.say(Offer, OFFER)).type == "offer"


def test_a_second_dial_is_dropped(caller: Side, called: Side) -> None:
    """It was heard."""
    with pytest.raises(Dropped) as dropped:
        called.session.on_dial(caller.dial(BEGAN + 5))

    assert reason_of(dropped) is Reason.UNEXPECTED


def test_a_later_dial_with_another_key_begins_anew(alice: Person, bob: Person, called: Side) -> None:
    """The caller was restarted."""
    again = Side(alice, bob)

    assert called.session.is_replaced_by(again.dial(BEGAN + 5))


def test_a_later_dial_with_the_same_key_is_no_new_one(caller: Side, called: Side) -> None:
    """The caller only says it twice."""
    assert not called.session.is_replaced_by(caller.dial(BEGAN + 5))


def test_an_earlier_dial_comes_too_late(alice: Person, bob: Person, called: Side) -> None:
    """It was overtaken by the one that was answered."""
    earlier = Side(alice, bob)

    assert not called.session.is_replaced_by(earlier.dial(BEGAN))


def test_a_dial_that_crosses_ours_is_glare(alice: Person, bob: Person) -> None:
    """While we wait for an offer, theirs does not begin another connection."""
    lower, higher = glaring(alice, bob)

    assert not lower.session.is_replaced_by(higher.dial(BEGAN + 5))


def test_a_later_close_ends_it(caller: Side, called: Side) -> None:
    """Said after the dial, it is about this connection."""
    assert called.session.is_ended_by(caller.close(BEGAN + 2))


def test_an_earlier_close_is_about_another(caller: Side, called: Side) -> None:
    """Close names no connection; what was said before the dial is about one before."""
    assert not called.session.is_ended_by(caller.close(BEGAN + 1))
