"""Push messages in the service worker: their verification, notifications, and events for the pages.

DevTools hand the pushes in, so they may be what no honest server would relay.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rfc8785

from tests.browser.drivers.page import wait_until
from tests.browser.users.chromium_user import ChromiumUser
from tests.browser.users.push_messages import CONNECTING, RINGING, call_of, missed, push_of, ringing, short
from tests.people import Person, now_ms

pytestmark = pytest.mark.usefixtures("quiet_page")

MINUTE_MS = 60_000

# Click on the only notification; return how that ended, and what was parked for a page.
CLICK = """
    const [notification] = await registration.getNotifications();
    const event = new NotificationEvent('notificationclick', { notification });
    let handling;
    event.waitUntil = (promise) => { handling = promise.then(() => 'ended', String); };
    const { openWindow } = Clients.prototype;
    Clients.prototype.openWindow = async () => null; // only a person's click may
    self.dispatchEvent(event);
    const ended = await handling;
    Clients.prototype.openWindow = openWindow;
    const database = await new Promise((resolve) => {
        indexedDB.open('whisper').onsuccess = (event) => resolve(event.target.result);
    });
    const states = database.transaction('state', 'readwrite').objectStore('state');
    const asked = states.get('clicked');
    states.delete('clicked');
    await new Promise((resolve) => { asked.onsuccess = resolve; });
    database.close();
    return [ended, asked.result?.action ?? null];
"""

_SOUNDS = "return (await registration.getNotifications()).map(({ renotify, silent }) => [renotify, silent])"
_NOTE_BADGES = "self.badges = []; navigator.setAppBadge = async (count) => { badges.push(count); };"
_IGNORE_TAGS = """
    const show = ServiceWorkerRegistration.prototype.showNotification;
    registration.showNotification = (title, { tag, renotify, ...rest }) =>
        show.call(registration, title, rest);
"""

Damage = Callable[[dict[str, Any], dict[str, Any]], object]


@pytest.fixture
def caller(ben: ChromiumUser, address: str) -> Iterator[Person]:
    """Return somebody who has never called before, and rings no more after the test."""
    person = Person()
    yield person
    ben.looks()
    ben.gets(push_of(call_of(person, address, "close")))
    wait_until(lambda: not ben.is_rung)


def test_a_dial_is_shown_when_no_page_is_seen(ben: ChromiumUser, caller: Person, address: str) -> None:
    """With the caller's address, as long as they have no name; the page that is not seen rings as well."""
    ben.looks_away()

    ben.gets(push_of(call_of(caller, address), **RINGING))

    assert ben.notifications == [ringing(caller)]
    ben.page.see("#accept")


def test_a_dial_is_shown_when_no_page_is_open(ben: ChromiumUser, caller: Person, address: str) -> None:
    """The worker alone is enough."""
    ben.leaves()

    ben.gets(push_of(call_of(caller, address), **RINGING))

    assert ben.notifications == [ringing(caller)]


def test_a_caller_is_shown_by_the_name_that_they_were_given(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """The name never left this browser, and yet the worker knows it."""
    ben.page.click("#add-person")
    ben.page.type("#address-field", caller.address.text)
    ben.page.type("#name-field", "Carla <b>Columna</b>")
    ben.page.click("#add-save")
    ben.page.see(".person", "Carla <b>Columna</b>")
    ben.leaves()

    ben.gets(push_of(call_of(caller, address), **RINGING))

    assert ben.notifications == ["Carla <b>Columna</b>: is calling you"]


def test_a_dial_rings_in_a_page_that_is_seen(ben: ChromiumUser, caller: Person, address: str) -> None:
    """And needs no notification."""
    ben.gets(push_of(call_of(caller, address), **RINGING))

    ben.page.see("#incoming", short(caller.address.text))
    assert ben.notifications == []


def test_a_second_dial_replaces_the_notification_of_the_first(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """Nobody fills the screen by dialling."""
    ben.looks_away()

    for _ in range(2):
        ben.gets(push_of(call_of(caller, address), **RINGING))

    assert ben.notifications == [ringing(caller)]


def test_who_hangs_up_was_missed(ben: ChromiumUser, caller: Person, address: str) -> None:
    """The notification says so, in the place of the one that rang."""
    ben.leaves()
    ben.gets(push_of(call_of(caller, address), **RINGING))
    assert ben.notifications == [ringing(caller)]

    ben.gets(push_of(call_of(caller, address, "close")))

    assert ben.notifications == [missed(caller)]


def test_who_hangs_up_was_missed_by_a_page_that_is_not_seen(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """The notification stays, for whoever comes back."""
    ben.looks_away()
    ben.gets(push_of(call_of(caller, address), **RINGING))
    assert ben.notifications == [ringing(caller)]

    ben.gets(push_of(call_of(caller, address, "close")))

    assert ben.notifications == [missed(caller)]


def test_only_the_caller_ends_the_dial_that_rings(ben: ChromiumUser, caller: Person, address: str) -> None:
    """By its key, too, as it came alone; not late, for one before, nor from another device."""
    now = now_ms()
    ben.looks_away()
    for sent_at in (now - 20, now):
        ben.gets(push_of(call_of(caller, address, b=sent_at, e="phonephone12"), **RINGING))
    ben.page.see("#accept")

    others: list[dict[str, Any]] = [{"b": now - 10}, {"d": "laptoplaptop"}, {"f": Person().encryption_key}]
    for changes in others:
        ben.gets(push_of(call_of(caller, address, "close", **({"b": now + 5} | changes))))
        assert (ben.notifications, ben.is_rung) == ([ringing(caller)], True), changes

    ben.gets(push_of(call_of(caller, address, "close", b=now + 10, f=caller.encryption_key)))
    assert ben.notifications == [missed(caller)]


def test_a_second_ring_makes_a_sound_again(ben: ChromiumUser, caller: Person, address: str) -> None:
    """Though it replaces the notification of the first; one without a tag must not ask for that."""
    ben.looks_away()
    for shown in (RINGING, RINGING, {"title": "Incoming call"}):
        ben.gets(push_of(call_of(caller, address), **shown))
        sounds = ben.browser.in_worker(ben.url, _SOUNDS)
        assert sounds[-1] == ["tag" in shown, False]


def test_a_missed_call_stays_when_the_same_person_rings_again(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """Each has its notification, and the icon counts what was missed; opening the app forgets that."""
    ben.browser.in_worker(ben.url, _NOTE_BADGES)
    ben.leaves()
    for _ in range(2):
        ben.gets(push_of(call_of(caller, address), **RINGING))
        ben.gets(push_of(call_of(caller, address, "close")))
    assert ben.notifications == [missed(caller)]

    ben.gets(push_of(call_of(caller, address), **RINGING))

    assert sorted(ben.notifications) == sorted([missed(caller), ringing(caller)])
    assert ben.browser.in_worker(ben.url, "return badges") == [1, 2]


def test_a_browser_that_knows_no_tags_shows_the_last_ring_alone(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """As iOS, which would stack one over the other; what was missed takes the place of all."""
    ben.leaves()
    ben.browser.in_worker(ben.url, _IGNORE_TAGS)
    try:
        for _ in range(2):
            ben.gets(push_of(call_of(caller, address), **RINGING))
        assert ben.notifications == [ringing(caller)]

        ben.gets(push_of(call_of(caller, address, "close")))
        assert ben.notifications == [missed(caller)]
    finally:
        ben.browser.in_worker(ben.url, "delete registration.showNotification")


def test_a_page_that_can_not_be_heard_does_not_ring_alone(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """It is in front, but no browser lets it make a sound before a click: the notification does."""
    ben.page.evaluate("Object.defineProperty(navigator, 'userActivation', { value: {}, configurable: true })")

    ben.gets(push_of(call_of(caller, address), **RINGING))

    assert ben.notifications == [ringing(caller)]
    ben.page.see("#accept")
    ben.page.evaluate("delete navigator.userActivation")


def test_a_close_by_somebody_else_ends_nothing(ben: ChromiumUser, caller: Person, address: str) -> None:
    """Only who rang can hang up."""
    ben.looks_away()
    ben.gets(push_of(call_of(caller, address), **RINGING))
    ben.page.see("#accept")

    ben.gets(push_of(call_of(Person(), address, "close")))

    assert ben.notifications == [ringing(caller)]
    assert ben.is_rung


DAMAGES: dict[str, tuple[Damage, str]] = {
    "signed by somebody else": (
        lambda call, _: call.update(c=Person().sign(rfc8785.dumps(call["b"]))),
        "forged",
    ),
    "as somebody else": (lambda _, data: data.update(a=Person().address.text), "forged"),
    "with another time": (lambda _, data: data.update(b=data["b"] + 1), "forged"),
    "with another key": (lambda _, data: data.update(d=Person().encryption_key), "forged"),
    "with a short signature": (lambda call, _: call.update(c=call["c"][4:]), "not a call"),
    "with an unknown method": (lambda call, _: call.update(a="ring"), "not a call"),
    "with the name of what every object has": (lambda call, _: call.update(a="__proto__"), "not a call"),
    "as another method": (lambda call, _: call.update(a="close"), "not a call"),
    "with a member more": (lambda _, data: data.update(z=1), "not a call"),
    "with a member less": (lambda _, data: data.pop("d"), "not a call"),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_dial_is_dropped(
    ben: ChromiumUser, caller: Person, address: str, damage: Damage, reason: str
) -> None:
    """Counted, and never shown: neither as a notification nor in a page that is not seen."""
    call = call_of(caller, address)
    damage(call, call["b"])

    drops(ben, push_of(call, **RINGING), reason)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "over a minute old": ({"b": -MINUTE_MS - 2000}, "stale"),
    "from the future": ({"b": MINUTE_MS + 5000}, "stale"),
    "for somebody else": ({"c": Person().address.text}, "not for me"),
    "signed with a member more": ({"e": "AA=="}, "not a call"),
    "signed without a key": ({"d": None}, "not a call"),
    "signed with a time that is text": ({"b": "1760000000000"}, "not a call"),
}


@pytest.mark.parametrize(("changes", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_dial_is_dropped(
    ben: ChromiumUser, caller: Person, address: str, changes: dict[str, Any], reason: str
) -> None:
    """However well it is signed."""
    time = {"b": changes["b"] + now_ms()} if isinstance(changes.get("b"), int) else {}

    drops(ben, push_of(call_of(caller, address, **(changes | time)), **RINGING), reason)


NO_CALLS = [
    "",
    "hello",
    '{"data": {',
    "null",
    "[]",
    "5",
    '"dial"',
    '{"data": null}',
    '{"data": [1]}',
    "\0",
    "[" * 2000,
]


@pytest.mark.parametrize("text", NO_CALLS, ids=lambda text: repr(text[:10]))
def test_what_is_no_call_is_dropped(ben: ChromiumUser, text: str) -> None:
    """Whatever it is instead."""
    drops(ben, text, "not a call")


def drops(ben: ChromiumUser, text: str, reason: str) -> None:
    """Assert that a push is counted as dropped for *reason*, and shown nowhere."""
    ben.looks_away()
    before = ben.dropped

    ben.gets(text)

    after = wait_until(lambda: ben.dropped if ben.dropped != before else None)
    assert {
        name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name)
    } == {reason: 1}
    assert (ben.notifications, ben.is_rung) == ([], False)


def test_a_repeated_dial_is_dropped(ben: ChromiumUser, caller: Person, address: str) -> None:
    """A push service, or somebody who has recorded it, may deliver it twice: it rings once."""
    ben.looks_away()
    push = push_of(call_of(caller, address), **RINGING)
    ben.gets(push)
    ben.page.see("#accept")
    ben.gets(push_of(call_of(caller, address, "close")))
    wait_until(lambda: not ben.is_rung)
    ben.forgets_notifications()

    drops(ben, push, "seen")


def test_safari_gets_everything_shown(ben: ChromiumUser, caller: Person, address: str) -> None:
    """It takes the subscription away otherwise, even when the page is seen."""
    ben.gets(push_of(call_of(caller, address, "offer"), **CONNECTING))

    assert ben.notifications == ["Connecting: A connection is being set up."]


def test_safari_gets_shown_even_what_is_not_believed(ben: ChromiumUser, caller: Person) -> None:
    """But none of its words."""
    forged = push_of(call_of(caller, Person().address.text), **{**CONNECTING, "title": "You have won"})

    ben.gets(forged)

    assert ben.notifications == ["Whisper: "]


@pytest.mark.parametrize("kind", ["Connecting", "not believed", "rings"])
def test_only_the_notification_of_a_call_answers(
    ben: ChromiumUser, caller: Person, address: str, kind: str
) -> None:
    """Safari shows others, too: a click on one of them opens the app, and accepts nothing."""
    pushes = {
        "Connecting": push_of(call_of(caller, address, "offer"), **CONNECTING),
        "not believed": push_of(call_of(caller, Person().address.text), **CONNECTING),
        "rings": push_of(call_of(caller, address), **RINGING),
    }
    ben.leaves()
    ben.gets(pushes[kind])

    ended, parked = ben.browser.in_worker(ben.url, CLICK)

    assert ended == "ended"
    assert parked == ("answer" if kind == "rings" else None)


def test_the_card_stays_with_the_call_that_it_shows(ben: ChromiumUser, caller: Person, address: str) -> None:
    """Whoever rings next does not get under the finger that is about to answer, known before or not."""
    other = Person()
    ben.gets(push_of(call_of(other, address), **RINGING))
    ben.page.see("#incoming", short(other.address.text))
    ben.gets(push_of(call_of(other, address, "close")))
    wait_until(lambda: not ben.is_rung)

    ben.gets(push_of(call_of(caller, address), **RINGING))
    ben.page.see("#incoming", short(caller.address.text))
    ben.gets(push_of(call_of(other, address), **RINGING))
    ben.page.see("#incoming-more", "1 more")

    ben.page.see("#incoming-name", short(caller.address.text))
    ben.gets(push_of(call_of(caller, address, "close")))
    ben.page.see("#incoming-name", short(other.address.text))
    ben.gets(push_of(call_of(other, address, "close")))


def test_a_page_rings_even_when_a_notification_hangs(ben: ChromiumUser, caller: Person, address: str) -> None:
    """The page gets the call first."""
    ben.looks_away()
    ben.browser.in_worker(ben.url, "registration.showNotification = () => new Promise(() => {})")

    ben.browser.deliver_push(ben.url, push_of(call_of(caller, address), **RINGING))

    ben.page.see("#accept")
    ben.browser.in_worker(ben.url, "delete registration.showNotification")


def test_a_call_rings_in_the_page_that_opens_for_it(ben: ChromiumUser, caller: Person, address: str) -> None:
    """What came while no page was open is not lost."""
    ben.leaves()
    ben.gets(push_of(call_of(caller, address), **RINGING))
    assert ben.notifications == [ringing(caller)]

    ben.looks()

    ben.page.see("#incoming", short(caller.address.text))


def test_a_call_of_more_than_a_minute_ago_was_missed(ben: ChromiumUser, caller: Person, address: str) -> None:
    """Nobody waits that long; the page tells of it, and does not ring."""
    ben.leaves()
    sent_at = now_ms() - MINUTE_MS + 4000
    ben.gets(push_of(call_of(caller, address, b=sent_at), **RINGING))
    assert ben.notifications == [ringing(caller)]
    wait_until(lambda: now_ms() > sent_at + MINUTE_MS + 1000)

    ben.looks()

    ben.page.see(f'.person[data-address="{caller.address.text}"]', "Missed call")
    assert not ben.is_rung


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_a_call_that_another_device_has_taken_is_in_the_chat(
    ben: ChromiumUser, caller: Person, address: str, *, is_open: bool
) -> None:
    """Whether or not a page was open meanwhile; it was not missed."""
    if not is_open:
        ben.leaves()
    ben.gets(push_of(call_of(caller, address), devices=2, **RINGING))
    ben.gets(push_of(call_of(caller, address, "close", f=caller.encryption_key)))
    ben.looks()

    ben.finds(caller.address.text)
    ben.page.see("[data-kind=note]", "answered or declined on another device")
    ben.page.see(f'.person[data-address="{caller.address.text}"]:not([data-missed])')
