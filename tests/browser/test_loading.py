"""The page loads, and nothing that it does is refused."""

from tests.browser.chromium import Chromium
from tests.browser.firefox import Firefox
from tests.deployment import Deployment


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
