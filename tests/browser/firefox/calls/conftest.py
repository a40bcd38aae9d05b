"""Two users of the app, each with a Firefox, the same for all tests of calls."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.browser.users.firefox_user import FirefoxUser, at_firefox
from tests.browser.users.user import NewUser
from tests.deployment import Deployment, PushServiceProcess


@pytest.fixture(scope="package")
def new_user(deployment: Deployment, push_process: PushServiceProcess) -> NewUser:
    """Return what gives somebody new a Firefox."""
    return partial(at_firefox, deployment, push_process)


@pytest.fixture(scope="package")
def anna(new_user: NewUser) -> Iterator[FirefoxUser]:
    """Return a user."""
    with new_user() as user:
        assert isinstance(user, FirefoxUser)
        yield user


@pytest.fixture(scope="package")
def ben(new_user: NewUser) -> Iterator[FirefoxUser]:
    """Return another user, with another browser."""
    with new_user() as user:
        assert isinstance(user, FirefoxUser)
        yield user
