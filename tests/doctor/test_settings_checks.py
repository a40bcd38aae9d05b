"""Checks of settings of `whisper doctor`: each remedy names its variable."""

import resource
from pathlib import Path
from typing import Any

import pytest

from app.doctor.settings_checks import EXAMPLE_OF_TURN, check_settings
from app.push.vapid import VapidKey
from app.settings import Settings

KEY = VapidKey.generate().private_text
GOOD = {
    "database_url": "postgresql://whisper@127.0.0.1/whisper",
    "vapid_private_key": KEY,
    "vapid_subject": "mailto:ops@whisper.dev",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, where `.env` would be."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def remedies(**changed: Any) -> dict[str, str]:  # noqa: ANN401 - settings are of many types
    """Return the remedy for each subject that has one."""
    settings = Settings(_env_file=None, **GOOD | changed)
    return {each.subject: each.remedy for each in check_settings(settings) if each.remedy}


def test_settings_that_are_well_need_no_remedy() -> None:
    """The key and the subject are set, and nobody knows the TURN secret."""
    assert remedies(ice_servers="turn:turn.whisper.dev", turn_secret="nobody knows it") == {}


def test_a_variable_that_is_no_setting_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment or in `.env`."""
    monkeypatch.setenv("WHISPER_VAPID_SUBJCET", "mailto:ops@whisper.dev")
    (home / ".env").write_text("WHISPER_PORTT=3\nOTHER=1\n")

    assert remedies().keys() == {"variable WHISPER_PORTT", "variable WHISPER_VAPID_SUBJCET"}


@pytest.mark.parametrize(
    ("kept", "remedy"),
    [(None, "`whisper vapid --keep` makes one"), ("junk", "holds no VAPID key")],
    ids=["none", "junk"],
)
def test_a_missing_key_is_told(home: Path, kept: str | None, remedy: str) -> None:
    """With the command that makes one, or with the file that holds none."""
    if kept:
        (home / ".whisper").mkdir()
        (home / ".whisper" / "vapid_private_key").write_text(kept)

    assert remedy in remedies(vapid_private_key=None)["VAPID key"]


@pytest.mark.parametrize("subject", [None, "mailto:me@example.org"], ids=["missing", "example"])
def test_a_subject_that_reaches_nobody_is_told(subject: str | None) -> None:
    """Push services write there before they block a sender."""
    (remedy,) = remedies(vapid_subject=subject).values()

    assert remedy.startswith("set WHISPER_VAPID_SUBJECT to a mailto: or https:")


def test_the_published_turn_secret_is_told() -> None:
    """Everybody can read it in .env.example."""
    told = remedies(ice_servers="turn:turn.whisper.dev", turn_secret=EXAMPLE_OF_TURN)

    assert told == {"TURN secret": "everyone knows it: change WHISPER_TURN_SECRET"}


def test_too_few_file_descriptors_are_told() -> None:
    """With the number that the calls in flight need."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        pytest.skip("this machine has no limit")

    assert f"allow {2 * most + 256} with `ulimit -n`" in remedies(max_in_flight=most)["file descriptors"]
