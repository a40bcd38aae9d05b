"""Refusals as a contract: a program branches on their codes."""

import re
from collections.abc import Iterator
from types import ModuleType

import pytest

import app.api.errors
import app.limits.errors
import app.protocol.errors
import app.push.errors
import app.store.errors
from app.protocol.errors import Refused
from app.push.errors import PushBusy
from app.store.errors import UnknownRecipient

DRAWN = re.compile(r"^[├└]── (\w+) +(\d{3}) (\w+)$", re.MULTILINE)


def below(kind: type[Refused]) -> Iterator[type[Refused]]:
    """Yield every kind of refusal under *kind*, at any depth."""
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


TREES = [app.api.errors, app.limits.errors, app.protocol.errors, app.push.errors, app.store.errors]
REFUSALS = list(below(Refused))


@pytest.mark.parametrize("module", TREES, ids=lambda module: module.__name__)
def test_the_tree_is_drawn_as_it_is(module: ModuleType) -> None:
    """Each refusal stands at the top of its module with its status and code, and nothing else does."""
    drawn = DRAWN.findall(module.__doc__ or "")

    there = [kind for kind in REFUSALS if kind.__module__ == module.__name__]
    assert sorted(drawn) == sorted((kind.__name__, str(kind.status), kind.code) for kind in there)


def test_no_refusal_grows_outside_the_trees() -> None:
    """Whoever reads the five modules has seen every code."""
    assert {kind.__module__ for kind in REFUSALS} == {module.__name__ for module in TREES}


def test_a_code_names_one_refusal() -> None:
    """No two refusals share a code."""
    codes = [kind.code for kind in REFUSALS]

    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_code_is_its_class_in_snake_case(kind: type[Refused]) -> None:
    """Who reads a log finds the class."""
    assert kind.code == re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_has_the_status_of_an_error(kind: type[Refused]) -> None:
    """4xx when the caller can mend it, 5xx when not."""
    assert 400 <= kind.status < 600


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_says_a_sentence(kind: type[Refused]) -> None:
    """It begins with a capital or a member's name and ends with a full stop."""
    assert re.fullmatch(r"(?:[A-Z]|a must )[^\n]+\.", kind.reason)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_promises_in_its_docstring(kind: type[Refused]) -> None:
    """Each says what happened, not the words of the class above it."""
    assert kind.__doc__ not in (None, Refused.__doc__)


def test_a_refusal_without_words_says_its_own_sentence() -> None:
    """The class knows what to say."""
    refusal = UnknownRecipient()

    assert (str(refusal), refusal.errors, refusal.retry_after) == (UnknownRecipient.reason, [], None)


def test_a_refusal_can_say_more() -> None:
    """The reason, the faults and the wait can be given where it is raised."""
    refusal = PushBusy("Wait a minute.", errors=("one", "two"), retry_after=60)

    assert (str(refusal), refusal.reason) == ("Wait a minute.", "Wait a minute.")
    assert (refusal.errors, refusal.retry_after) == (["one", "two"], 60)


def test_words_stay_with_their_refusal() -> None:
    """What one refusal says is not what the next of its kind says."""
    PushBusy("Wait a minute.")

    assert PushBusy().reason != "Wait a minute."
