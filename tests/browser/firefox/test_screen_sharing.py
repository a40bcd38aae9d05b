"""Screen sharing in a Firefox that is on no screen: it fails, and nothing else ends."""

from tests.browser.users.firefox_user import at_firefox
from tests.deployment import Deployment, PushServiceProcess

_SEES = "return document.querySelector('.stage[data-remote=video] .remote')?.videoWidth > 0"


def test_who_fails_to_share_a_screen_is_still_seen(
    deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """The camera ends when there is a screen in its place, and not before one is chosen."""
    with at_firefox(deployment, push_process) as anna, at_firefox(deployment, push_process) as ben:
        anna.finds(ben.address)
        anna.page.click("#call-video")
        ben.accepts()
        ben.page.wait_until(_SEES)

        anna.page.click("#screen")

        anna.page.see("#alerts", "nothing that can be shared")
        anna.page.see("video.self-view")
        ben.page.wait_until(_SEES)
