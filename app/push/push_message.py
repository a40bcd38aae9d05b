"""Push message of a call: the JSON that its recipient's service workers read."""

from hashlib import blake2b
from json.encoder import encode_basestring

from app.protocol.envelope import Call
from app.protocol.messages import RelayedMessage
from app.push.push_options import Notification


class PushMessage:
    """Push message of *call* to so many *devices* of its recipient.

    *tag_key* is the secret of the notifications' tags. Devices that show the same are sent the same payload,
    made once.
    """

    __slots__ = ("_call", "_devices", "_notice", "_payload", "_tag_key", "method", "recipient")

    def __init__(self, call: Call[RelayedMessage], devices: int, tag_key: bytes) -> None:
        self.method = call.message.method
        self.recipient = call.message.recipient
        self._call = call
        self._devices = devices
        self._tag_key = tag_key
        self._notice: Notification | None = None  # of the latest payload
        self._payload = b""

    def payload(self, notice: Notification | None) -> bytes:
        """Return the payload for devices that show *notice*."""
        if notice is not self._notice or not self._payload:
            self._notice, self._payload = notice, self._serialize(notice).encode()
        return self._payload

    def _serialize(self, notice: Notification | None) -> str:
        """Return the JSON for the service worker; an encoder would print the same, more slowly."""
        # A canonical text has no control characters any more: two escapes are left.
        message, text, signature, _ = self._call
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        data = f'"data":{{"a":"{message.method}","b":"{escaped}","c":"{signature}"}}'
        if self._devices > 1:  # it arrives elsewhere too
            data += f',"devices":{self._devices}'
        if notice is None:
            return f"{{{data}}}"
        title, body = encode_basestring(notice.title), encode_basestring(notice.body)
        silent = '"silent":true,' if notice.silent else ""
        return f'{{"title":{title},"body":{body},"tag":"{self._tag(message)}",{silent}{data}}}'

    def _tag(self, message: RelayedMessage) -> str:
        """Return the notification's tag: a second dial of the same two replaces the first."""
        pair = message.sender.raw + message.recipient.raw
        return blake2b(pair, key=self._tag_key, digest_size=8).hexdigest()
