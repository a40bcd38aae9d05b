"""A malicious peer: a page with the client's modules that can send what no app would."""

from tests.browser.drivers.chromium_tab import Tab

_START = """
    const { Whisper } = await import('/js/whisper.js');
    globalThis.whisper = await Whisper.start({ worker: '/sw.js' });
"""

_DIAL = """
    globalThis.heard = [];
    delete globalThis.peer;
    const listen = async peer => { for await (const message of peer.messages) heard.push(message); };
    whisper.dial(arguments[0]).then(peer => { globalThis.peer = peer; listen(peer); });
"""

# The connection, its channels and its keys, which the client keeps to itself.
_ARM = """
    globalThis.channels = {};
    const derived = [];
    const { createDataChannel } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.createDataChannel = function (label, ...rest) {
        globalThis.rtc = this;
        const create = (rtc, name) => createDataChannel.call(rtc, name, ...rest);
        if (label !== globalThis.withheld) return channels[label] = create(this, label);
        channels.control = create(this, 'control');
        return create(new RTCPeerConnection(), label); // which nobody ever opens
    };
    const { deriveKey } = SubtleCrypto.prototype;
    SubtleCrypto.prototype.deriveKey = async function (...given) {
        derived.push(await deriveKey.apply(this, given));
        return derived.at(-1);
    };
    const { encrypt, seal } = await import('/js/protocol/sealing.js');
    globalThis.say = async (label, value) => channels[label].send(await seal(label, value, derived.at(-2)));
    globalThis.part = (method, format, bytes) => encrypt(method, format, bytes, derived.at(-2));
    globalThis.room = async (channel) => {
        while (channel.bufferedAmount > 4e6) await new Promise(resolve => setTimeout(resolve, 5));
        return channel.readyState === 'open';
    };
"""


class MaliciousPeer:
    """Somebody at a page with the client's modules."""

    def __init__(self, page: Tab) -> None:
        self.page = page
        self.page.evaluate(_START)

    def arms(self) -> None:
        """Get hold of what the client keeps to itself: `channels`, `rtc`, and what seals for the other."""
        self.page.evaluate(_ARM)

    @property
    def address(self) -> str:
        """Their address."""
        address: str = self.page.evaluate("return whisper.address")
        return address

    def rings(self, address: str) -> None:
        """Dial, and listen to what is said."""
        self.page.evaluate(_DIAL, address)

    def talks(self) -> None:
        """Wait until there is a connection."""
        self.page.wait_until("return 'peer' in globalThis")

    @property
    def is_connected(self) -> bool:
        """Whether the other has not hung up."""
        connected: bool = self.page.evaluate("return peer.state === 'open'")
        return connected

    def sends(self, value: str, *arguments: object) -> None:
        """Send the value of a JavaScript expression."""
        self.page.evaluate(f"await peer.send({value})", *arguments)

    def hears(self, text: str) -> None:
        """Wait for a message."""
        self.page.wait_until("return heard.includes(arguments[0])", text)
