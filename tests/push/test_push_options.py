"""TTL, urgency and notification of pushes, and what Safari shows."""

import pytest

from app.push.push_options import push_options

APPLE = ["web.push.apple.com", "api2.push.apple.com"]
ELSEWHERE = ["fcm.googleapis.com", "updates.push.services.mozilla.com", "wns2-par02p.notify.windows.com"]
ELSEWHERE += [
    "ntfy.sh",
    "push.apple.com",
    "evilpush.apple.com",
    "web.push.apple.com.example.org",
    "127.0.0.1",
]
METHODS = ["dial", "offer", "answer", "ice", "close"]

LIFE = [("dial", 60), ("offer", 60), ("answer", 60), ("close", 60), ("ice", 30)]
URGENCY = [
    ("dial", "high"),
    ("offer", "normal"),
    ("answer", "normal"),
    ("close", "normal"),
    ("ice", "normal"),
]


@pytest.mark.parametrize("host", APPLE + ELSEWHERE)
@pytest.mark.parametrize(("method", "seconds"), LIFE)
def test_a_message_lives_as_long_as_it_is_of_use(method: str, seconds: int, host: str) -> None:
    """A minute, half of it for candidates, at every push service; never 0, which some refuse or drop."""
    assert push_options(method, host).ttl == seconds


@pytest.mark.parametrize("host", ELSEWHERE)
@pytest.mark.parametrize(("method", "urgency"), URGENCY)
def test_only_ringing_is_urgent(method: str, urgency: str, host: str) -> None:
    """Google slows down a sender whose urgent messages show nothing."""
    assert push_options(method, host).urgency == urgency


@pytest.mark.parametrize("host", APPLE)
@pytest.mark.parametrize("method", METHODS)
def test_everything_is_urgent_to_apple(method: str, host: str) -> None:
    """It wakes nobody for less."""
    assert push_options(method, host).urgency == "high"


@pytest.mark.parametrize("host", ELSEWHERE)
@pytest.mark.parametrize("method", METHODS)
def test_only_ringing_is_shown(method: str, host: str) -> None:
    """A service worker shows a notification when there is a title."""
    assert (push_options(method, host).notice is not None) is (method == "dial")


@pytest.mark.parametrize("host", ELSEWHERE)
def test_ringing_makes_a_sound(host: str) -> None:
    """It is what a person should notice."""
    notice = push_options("dial", host).notice

    assert notice is not None
    assert (bool(notice.title), bool(notice.body), notice.silent) == (True, True, False)


@pytest.mark.parametrize("host", APPLE)
@pytest.mark.parametrize("method", METHODS)
def test_safari_shows_everything_without_a_sound(method: str, host: str) -> None:
    """After three pushes that show nothing it revokes the subscription."""
    notice = push_options(method, host).notice

    assert notice is not None
    assert (bool(notice.title), bool(notice.body), notice.silent) == (True, True, True)


@pytest.mark.parametrize("host", [APPLE[0], ELSEWHERE[0]])
def test_an_update_is_not_pushed(host: str) -> None:
    """It is for the server alone."""
    with pytest.raises(KeyError):
        push_options("update", host)
