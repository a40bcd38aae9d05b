"""What each test of whole programs begins with."""

import pytest

from tests.deployment import PushServiceProcess


@pytest.fixture(autouse=True)
def _fresh_push_service(push_process: PushServiceProcess) -> None:
    """Begin each test without pushes and scripts of another."""
    push_process.clear()
