"""Calls between two users of the app, in two Firefoxes, by real pushes: how they begin."""

import time

import pytest

from tests.browser.drivers.page import wait_until
from tests.browser.users.firefox_user import FirefoxUser
from tests.browser.users.user import connect
from tests.deployment import Deployment, PushServiceProcess

pytestmark = pytest.mark.usefixtures("fresh_pages")


def test_two_people_talk(anna: FirefoxUser, ben: FirefoxUser, push_process: PushServiceProcess) -> None:
    """One click each, and exactly three pushes; and messages both ways."""
    push_process.clear()

    connect(anna, ben)
    anna.writes("hello <b>Ben</b>")
    ben.reads("hello <b>Ben</b>")
    ben.writes("grüß dich 👋")
    anna.reads("grüß dich 👋")

    assert push_process.taken == 3
    shown = anna.route
    assert shown.startswith("Direct · 3 pushes · ")
    assert float(shown.split()[5]) > 0
    assert (anna.browser.errors, ben.browser.errors) == ([], [])


def test_a_closed_page_is_rung(anna: FirefoxUser, ben: FirefoxUser, deployment: Deployment) -> None:
    """The notification is there; a click opens the page and answers."""
    address = ben.address
    ben.leaves()

    anna.rings(address)
    ben.browser.click_notification(wait_until(lambda: ben.browser.notifications)[0].title)
    ben.comes_back_to(deployment.url)
    anna.talks()

    anna.writes("good morning")
    ben.reads("good morning")
    # Or the worker hangs up for the page that has gone, and that declines the next call, which has begun.
    ben.hangs_up()
    anna.does_not_talk()


def test_a_missed_call_can_be_dialled_back(
    anna: FirefoxUser, ben: FirefoxUser, deployment: Deployment
) -> None:
    """Anna gave up; Ben's click on what is left of it rings her."""
    address = ben.address
    ben.leaves()
    anna.rings(address)
    wait_until(lambda: ben.browser.notifications)

    anna.page.click("#cancel")
    missed = wait_until(lambda: [each for each in ben.browser.notifications if each.body == "Missed call"])
    ben.browser.click_notification(missed[0].title)
    ben.comes_back_to(deployment.url)
    anna.accepts()

    anna.talks()
    ben.talks()


def test_a_call_can_be_declined(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """And the caller is told so, in words."""
    anna.rings(ben.address)

    ben.page.click("#decline")

    anna.page.see("#chat-trouble", "declined")


def test_a_reload_while_it_rings_keeps_it_ringing(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """What came is kept until somebody has dealt with it."""
    anna.rings(ben.address)
    ben.page.see("#accept")

    ben.page.reload()
    ben.accepts()

    anna.talks()
    ben.talks()


def test_both_may_ring_at_once(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """They get one connection, and nobody is asked."""
    addresses = anna.address, ben.address
    anna.finds(addresses[1])
    ben.finds(addresses[0])

    at = time.time() * 1000 + 500
    click = "setTimeout(() => document.getElementById('ring').click(), arguments[0] - Date.now())"
    for person in (anna, ben):
        person.page.evaluate(click, at)
    anna.talks()
    ben.talks()

    anna.writes("me too")
    ben.reads("me too")
