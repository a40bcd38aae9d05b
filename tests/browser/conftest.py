"""Browsers and their users. Without browsers these tests are left out, which CI does not allow."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from tests.browser.drivers.chromium import CHROMIUM, Chromium, chromium
from tests.browser.drivers.firefox import FIREFOX, Firefox, firefox
from tests.browser.users.chromium_user import ChromiumUser, at_chromium
from tests.browser.users.user import NewUser, User
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed, missing

_MISSING = missing(FIREFOX, CHROMIUM)
_LEFT_OUT = f"Left out: tests/browser. To run them: apt-get install {' '.join(_MISSING)}"

collect_ignore_glob = ["*/test_*.py"] if _MISSING else []

if _MISSING and "LEAVE_NOTHING_OUT" in os.environ:
    raise pytest.UsageError(_LEFT_OUT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if _MISSING:
        terminalreporter.write_line(_LEFT_OUT)


@pytest.fixture(name="deployment", scope="session")
def _deployment(deployment: Deployment) -> Deployment:
    """Return the server by the name at which people open it: the app leaves any other."""
    return replace(deployment, host="localhost")


@pytest.fixture(name="firefox")
def _firefox(push_process: PushServiceProcess) -> Iterator[Firefox]:
    """Run a Firefox."""
    with firefox(installed(FIREFOX), push_process.websocket_url) as running:
        yield running


@pytest.fixture
def another_firefox(push_process: PushServiceProcess) -> Iterator[Firefox]:
    """Run another Firefox, of somebody else."""
    with firefox(installed(FIREFOX), push_process.websocket_url) as running:
        yield running


@pytest.fixture(name="chromium")
def _chromium() -> Iterator[Chromium]:
    """Run a Chromium."""
    with chromium(installed(CHROMIUM)) as running:
        yield running


@pytest.fixture(scope="module")
def new_user(deployment: Deployment, push_process: PushServiceProcess) -> NewUser:
    """Return what gives somebody new a browser: a Chromium, unless a module has another."""
    return partial(at_chromium, deployment, push_process)


@pytest.fixture(scope="module")
def anna(new_user: NewUser) -> Iterator[User]:
    """Return a user, the same for all tests of a module."""
    with new_user() as user:
        yield user


@pytest.fixture(scope="module")
def ben(new_user: NewUser) -> Iterator[User]:
    """Return another user, with another browser."""
    with new_user() as user:
        yield user


@pytest.fixture(scope="module")
def address(ben: User) -> str:
    """Return Ben's address."""
    return ben.address


@pytest.fixture
def fresh_pages(anna: ChromiumUser, ben: ChromiumUser, push_process: PushServiceProcess) -> None:
    """Begin with a fresh page for each of the two, without a connection, and with no push counted."""
    for user in (anna, ben):
        user.starts_over()
    push_process.clear()


@pytest.fixture
def quiet_page(ben: ChromiumUser) -> Iterator[None]:
    """Begin with a page of Ben's in front and no notification, and end without an error."""
    ben.looks()
    ben.forgets_notifications()
    yield
    assert ben.browser.errors == []
