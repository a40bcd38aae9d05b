"""Blocked people and "do not disturb": what the worker shows of their calls, and what the pages are told."""

from collections.abc import Iterator

import pytest

from tests.browser.residents import Resident, at_chromium
from tests.browser.strangers import CONNECTING, RINGING, call_of, missed, push_of
from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person

NEUTRAL = "Whisper: "
_SCREEN = """
    const { %s } = await import('/js/call-screening.js');
    const { Store } = await import('/js/store.js');
    await Store.use((store) => %s);
    new BroadcastChannel('whisper-screening').postMessage(null);
"""
_BLOCK = _SCREEN % ("block", "block(store, arguments[0])")
_SET_QUIET = _SCREEN % ("setQuiet", "setQuiet(store, arguments[0])")
_MISSED = (
    "return [...document.querySelectorAll('.person[data-missed]')].map(({ dataset }) => dataset.address)"
)
LATER_MS = 10**15


@pytest.fixture(scope="module")
def ben(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Resident]:
    """Return somebody who has turned calls on."""
    with at_chromium(deployment, push_process) as person:
        yield person


@pytest.fixture(scope="module")
def address(ben: Resident) -> str:
    """Return the address that is called."""
    return ben.address


@pytest.fixture(autouse=True)
def _at_home(ben: Resident) -> Iterator[None]:
    """Begin each test with a page in front and no notification, and end it without an error."""
    ben.looks()
    ben.forgets_notifications()
    yield
    assert ben.browser.errors == []


@pytest.fixture
def caller(ben: Resident) -> Iterator[Person]:
    """Return somebody who has never called before; calls ring again after the test."""
    yield Person()
    ben.looks()
    ben.page.evaluate(_SET_QUIET, 0)


def rings(ben: Resident) -> bool:
    """Tell whether a call rings in the page."""
    return bool(ben.page.evaluate("return document.getElementById('accept').checkVisibility()"))


def test_who_is_blocked_rings_nowhere(ben: Resident, caller: Person, address: str) -> None:
    """In no page and by no notification, also when they hang up."""
    ben.page.evaluate(_BLOCK, caller.address.text)

    for method in ("dial", "close", "dial"):
        ben.gets(push_of(call_of(caller, address, method), **RINGING))

    assert (ben.notifications, rings(ben), ben.page.evaluate(_MISSED)) == ([], False, [])


def test_who_is_blocked_does_not_use_up_the_silent_pushes(
    ben: Resident, caller: Person, address: str
) -> None:
    """With no page open the fourth shows one notification without a name, which goes when a page opens."""
    ben.page.evaluate(_BLOCK, caller.address.text)
    ben.leaves()
    shown = []
    for _ in range(5):
        ben.gets(push_of(call_of(caller, address), **RINGING))
        shown.append(ben.notifications)
    ben.looks()

    assert shown == [[], [], [], [NEUTRAL], [NEUTRAL]]
    ben.page.wait_until(
        "return (await (await navigator.serviceWorker.ready).getNotifications()).length === 0"
    )


def test_a_browser_that_counts_every_push_shows_one_without_a_name(
    ben: Resident, caller: Person, address: str
) -> None:
    """As Safari does, also while a page is open."""
    ben.page.evaluate(_BLOCK, caller.address.text)

    ben.gets(push_of(call_of(caller, address, "offer"), **CONNECTING))

    assert ben.notifications == [NEUTRAL]


def test_a_call_while_it_is_quiet_is_a_missed_one(ben: Resident, caller: Person, address: str) -> None:
    """It rings neither in the page nor by a notification, and the people say that it was missed."""
    ben.page.evaluate(_SET_QUIET, LATER_MS)

    ben.gets(push_of(call_of(caller, address), **RINGING))
    rang = rings(ben)
    ben.gets(push_of(call_of(caller, address, "close")))

    ben.page.wait_until(f"{_MISSED.replace('return ', 'return (')}).length === 1")
    assert (ben.page.evaluate(_MISSED), rang, ben.notifications) == ([caller.address.text], False, [])


def test_many_calls_while_it_is_quiet_are_one_notification_that_makes_no_sound(
    ben: Resident, caller: Person, address: str
) -> None:
    """Of a missed call, after the pushes that may show nothing."""
    ben.page.evaluate(_SET_QUIET, LATER_MS)
    ben.leaves()

    for _ in range(5):
        ben.gets(push_of(call_of(caller, address), **RINGING))

    silent = ben.browser.in_worker(
        ben.url, "return (await registration.getNotifications()).map(({ silent }) => silent)"
    )
    assert (ben.notifications, silent) == ([missed(caller)], [True])


def test_calls_ring_again_after_the_time(ben: Resident, caller: Person, address: str) -> None:
    """The worker knows by itself when that is."""
    ben.page.evaluate(_SET_QUIET, 1)

    ben.gets(push_of(call_of(caller, address), **RINGING))

    ben.page.see("#accept")
    ben.gets(push_of(call_of(caller, address, "close")))
