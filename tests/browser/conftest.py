"""Browsers, each new for its test. Without them these tests are left out, which CI does not allow."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.browser.chromium import Chromium, chromium, stop_drivers
from tests.browser.firefox import Firefox, firefox
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed, missing

FIREFOX = "firefox-esr"
CHROMIUM = "chromium"

_MISSING = missing(FIREFOX, CHROMIUM)
_LEFT_OUT = f"Left out: tests/browser. To run them: apt-get install {' '.join(_MISSING)}"

collect_ignore_glob = ["test_*.py"] if _MISSING else []

if _MISSING and "LEAVE_NOTHING_OUT" in os.environ:
    raise pytest.UsageError(_LEFT_OUT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if _MISSING:
        terminalreporter.write_line(_LEFT_OUT)


def pytest_sessionfinish() -> None:
    """Leave no driver behind."""
    stop_drivers()


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
