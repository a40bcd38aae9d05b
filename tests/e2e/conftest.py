"""Fixtures of the end-to-end tests."""

import pytest

from tests.deployment import PushServiceProcess
from tests.forked_program import preload

preload("whisper_peer.__main__")


@pytest.fixture(autouse=True)
def _fresh_push_service(push_process: PushServiceProcess) -> None:
    """Begin each test without pushes and scripts of another."""
    push_process.clear()
