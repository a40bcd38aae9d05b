"""Process-wide settings, made by a server process, never by importing or running an application."""

import gc
import json
import subprocess
import sys

import pytest

from app.server import process
from app.settings import Settings
from tests.conftest import serving

STATE = """
import asyncio, gc, json, logging, signal, sys
from prometheus_client import metrics

def state():
    known = logging.root.manager.loggerDict | {"root": logging.root}
    known.pop("sqlalchemy", None)  # sets its own level
    loggers = {name: (each.level, len(each.filters)) for name, each in known.items()
               if isinstance(each, logging.Logger) and (each.level or each.filters)}
    return [loggers, logging.logThreads, logging._srcfile is None, metrics._use_created,
            gc.get_freeze_count(), gc.get_threshold(), [str(signal.getsignal(each)) for each in (1, 15)]]

before = state()
"""


def printed(program: str) -> list[object]:
    """Run a *program* after STATE in an interpreter of its own, and return what it prints."""
    done = subprocess.run([sys.executable, "-c", STATE + program], capture_output=True, check=True, text=True)
    told: list[object] = json.loads(done.stdout)
    return told


def test_importing_the_application_changes_nothing_of_the_process() -> None:
    """Neither its logging, nor its metrics, its garbage collection or its signals."""
    before, after = printed("import app.main, app.server.worker_app; print(json.dumps([before, state()]))")

    assert after == before


def test_what_a_server_process_changes_is_seen_here() -> None:
    """Or the test above would prove nothing."""
    before, after = printed(
        "from app.server.process import *; prepare_process(); exit_on_signals(); freeze_gc();"
        "logging.getLogger('somebody').setLevel('ERROR');"
        "print(json.dumps([before, state()]))"
    )

    assert isinstance(before, list)
    assert isinstance(after, list)
    assert [one == other for one, other in zip(before, after, strict=True)] == [False] * len(before)


@pytest.mark.anyio
async def test_running_an_application_changes_nothing_of_the_process(settings: Settings) -> None:
    """Nobody's tests run in a heap that is frozen again and again."""
    before = gc.get_freeze_count(), gc.get_threshold()

    async with serving(settings):
        assert (gc.get_freeze_count(), gc.get_threshold()) == before


def test_a_process_may_be_prepared_twice() -> None:
    """By the command, and by the application that it serves."""
    once, twice = printed(
        "from app.server.process import prepare_process; prepare_process(); once = state();"
        "prepare_process(); print(json.dumps([once, state()]))"
    )

    assert once == twice


def test_a_process_without_a_parent_waits_for_none() -> None:
    """A server alone has nobody that it should end with; there is not even a loop here."""
    process.stop_with_parent()
