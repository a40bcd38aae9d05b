"""Loading of the page, without a refusal of anything that it does."""

import socket
from contextlib import closing
from dataclasses import replace

import pytest

from tests.browser.drivers.chromium import CHROMIUM, Chromium, new_chromium
from tests.browser.drivers.firefox import Firefox
from tests.deployment import Deployment
from tests.processes import installed
from tests.server.test_listener import needs_ipv6

# Nothing that the app knows: it must arrive as it was.
PLACE = "/?from=mail#nobody"


def test_the_page_loads_in_firefox(firefox: Firefox, deployment: Deployment) -> None:
    """Without an error, and within its policy."""
    page = firefox.open(deployment.url)

    page.see("body", "Whisper")
    assert firefox.errors == []


def test_the_page_loads_in_chromium(chromium: Chromium, deployment: Deployment) -> None:
    """Without an error, and within its policy."""
    page = chromium.open(deployment.url)

    page.see("body", "Whisper")
    assert chromium.errors == []


@pytest.mark.parametrize("browser", ["firefox", "chromium"])
def test_the_address_of_this_machine_leads_to_its_name(
    request: pytest.FixtureRequest, browser: str, deployment: Deployment
) -> None:
    """To a browser they are two origins, with an identity each; the app lives at one of them."""
    running: Firefox | Chromium = request.getfixturevalue(browser)
    at_address = replace(deployment, host="127.0.0.1")

    page = running.open(at_address.url + PLACE)

    page.wait_until("return location.href === arguments[0]", deployment.url + PLACE)
    page.see("#turn-on")
    assert running.errors == []


def test_whoever_turned_calls_on_there_stays(chromium: Chromium, deployment: Deployment) -> None:
    """An identity can't be moved to another origin."""
    at_address = replace(deployment, host="127.0.0.1")
    page = chromium.open(f"{at_address.url}/js/whisper.js")
    page.evaluate("await new Promise((done) => (indexedDB.open('whisper').onsuccess = done))")

    page.goto(at_address.url)

    page.see("#turn-on")
    assert page.url == f"{at_address.url}/"


@needs_ipv6
def test_the_page_stays_where_localhost_is_another_program(deployment: Deployment) -> None:
    """A browser takes localhost for IPv6 first, where somebody else may listen at the same port."""
    at_address = replace(deployment, host="127.0.0.1")
    listener = socket.create_server(("::1", deployment.port), family=socket.AF_INET6)
    with closing(listener), new_chromium(installed(CHROMIUM)) as running:
        page = running.open(at_address.url)

        page.see("#turn-on")
        assert page.url == f"{at_address.url}/"
