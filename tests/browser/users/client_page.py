"""A page that starts the client without an interface, and notes its events."""

from typing import Any

from tests.browser.drivers.page import Page

# What comes is noted; who rings is connected unless the script says otherwise.
_START = """
    const { Whisper } = await import('/js/whisper.js');
    window.heard = [];
    window.accepting = true;
    window.whisper = await Whisper.start({ worker: '/sw.js' });
    whisper.addEventListener('missed', (event) => heard.push(['missed', event.address]));
    whisper.addEventListener('answeredelsewhere', (event) => heard.push(['elsewhere', event.address]));
    whisper.addEventListener('peer', ({ peer }) => {
        window.peer = peer;
        peer.addEventListener('message', ({ data }) => heard.push(['message', data]));
        peer.addEventListener('file', ({ transfer }) => { window.transfer = transfer; });
        peer.addEventListener('close', () => heard.push(['close', peer.error?.code ?? null]));
    });
    whisper.addEventListener('dial', async (event) => {
        window.ringing = event;
        heard.push(['dial', event.address]);
        event.signal.addEventListener('abort', () => heard.push(['silent', event.signal.reason.code]));
        if (accepting) await event.accept().catch((error) => heard.push(['failed', error.code]));
    });
    return whisper.address;
"""

_HAS_HEARD = "return heard.some((each) => JSON.stringify(each) === JSON.stringify(arguments[0]))"

# Run an expression, and return what it gives or the code of its failure.
_TRY = "try { return { value: await (%s) }; } catch (error) { return { code: error.code ?? String(error) }; }"


class App:
    """A page with the client in it, which has started."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.address: str = page.evaluate(_START)

    def run(self, expression: str, *arguments: object) -> Any:
        """Return what *expression* gives, `arguments` in it."""
        answer = self.attempt(expression, *arguments)
        assert "code" not in answer, answer
        return answer.get("value")

    def attempt(self, expression: str, *arguments: object) -> dict[str, Any]:
        """Return the `value` of *expression*, or the `code` of its failure."""
        answer: dict[str, Any] = self.page.evaluate(_TRY % expression, *arguments)
        return answer

    def hears(self, *event: object) -> None:
        """Wait until *event* has been noted."""
        self.page.wait_until(_HAS_HEARD, event)


def connect(anna: App, ben: App) -> None:
    """Let *anna* dial *ben*."""
    anna.run("whisper.dial(arguments[0]).then(() => 0)", ben.address)
    ben.page.wait_until("return whisper.peers.size === 1")
