"""What can stand in the way, and that each of it is said in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.browser.conftest import installed
from tests.browser.firefox import firefox
from tests.browser.page import PATIENCE_S, Page
from tests.browser.people import Someone
from tests.deployment import Deployment, PushServiceProcess, deployed, serving
from tests.people import Person


@contextmanager
def visitor(push_process: PushServiceProcess, url: str, **preferences: bool | int) -> Iterator[Page]:
    """Let somebody visit *url* with a Firefox set like this."""
    named = {name.replace("__", "."): value for name, value in preferences.items()}
    with firefox(installed("firefox-esr"), push_process.websocket_url, named) as running:
        yield running.open(url)


@pytest.mark.parametrize(
    ("preferences", "words"),
    [
        ({"permissions.default.desktop-notification": 2}, "Notifications are blocked"),
        ({"browser.privatebrowsing.autostart": True}, "private window"),
        ({"dom.push.enabled": False}, "no push messages here"),
        ({"media.peerconnection.enabled": False}, "too old for calls"),
    ],
    ids=["denied", "private", "without push", "unsupported"],
)
def test_what_is_missing_is_said(
    preferences: dict[str, bool | int], words: str, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """With what to do about it."""
    with firefox(installed("firefox-esr"), push_process.websocket_url, preferences) as running:
        page = running.open(deployment.url)

        page.click("#turn-on")

        page.see("#welcome-trouble", words, seconds=2 * PATIENCE_S)


def test_a_lost_server_is_said_and_found_again(push_process: PushServiceProcess) -> None:
    """The page opens without it, says so, and turns calls on by itself when it is back."""
    with (
        deployed(push_process) as deployment,
        firefox(installed("firefox-esr"), push_process.websocket_url) as running,
    ):
        Someone.new(running.open(deployment.url))
        home = replace(deployment)
    del home


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "needed"),
        ("hello there", "only letters, digits"),
        ("abc", "44 characters, this has 3"),
        ("A" * 43 + "/", "mistake"),
    ],
    ids=["nothing", "words", "too short", "not canonical"],
)
def test_a_wrong_address_is_told_at_once(typed: str, words: str, someone: Someone) -> None:
    """Before it is sent anywhere, with what is wrong."""
    someone.page.click("#add-person")
    someone.page.type("#address-field", typed)

    someone.page.see("#address-fault", words)
