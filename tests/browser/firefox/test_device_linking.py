"""Linking of another device: by a link or a file, and by the recovery code, which goes another way."""

from urllib.parse import quote

from tests.browser.drivers.firefox import FIREFOX, firefox
from tests.browser.drivers.page import PATIENCE_S, wait_until
from tests.browser.users.user import User
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

_IS_NOBODY = """
    const { Identity } = await import('/client/identity.js');
    return (await Identity.load()) === undefined;
"""


def test_a_link_and_a_code_make_a_second_device(
    deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """The link does nothing by itself, nor with a wrong code; then both devices show each other."""
    with (
        firefox(installed(FIREFOX), push_process.websocket_url) as first,
        firefox(installed(FIREFOX), push_process.websocket_url) as second,
    ):
        page = first.open(deployment.url)
        person = User.new(page)
        page.click("#open-settings")
        page.see("#devices", "This device")
        page.click("#link-details summary")
        code = page.text("#recovery-code")
        page.click("#save-device-file")
        (file,) = wait_until(lambda: list(first.downloads.glob("*.json")))
        page.click("#settings-close")

        other = second.open(f"{deployment.url}/#device={quote(file.read_text())}")
        other.see("#linking", "People and chats do not come along")
        assert other.evaluate(_IS_NOBODY)
        other.type("#restore-passphrase", code[:-1] + ("A" if code[-1] != "A" else "B"))
        other.click("#restore")
        other.see("#welcome-trouble", "mistake in the recovery code")
        other.type("#restore-passphrase", code.lower().replace("-", " "))
        other.click("#restore")
        other.see("#my-address", seconds=2 * PATIENCE_S)

        assert User(other).address == person.address
        other.click("#open-settings")
        other.see("#devices", "Another device")
        other.click("#devices button")
        other.wait_until("return document.querySelectorAll('#devices li').length === 1")
        assert (first.errors, second.errors) == ([], [])
