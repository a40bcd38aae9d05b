"""Admission of the data channels of one connection: one of each kind, any other is closed."""

from aiortc import RTCDataChannel

from whisper_peer.errors import OverLimit

# The channel that carries values, and those of the two programs, one opened by each.
LABEL = "whisper"
CONTROL = "control"

# Channels that this peer closes, until the other confirms; a browser sends this many files at once.
MAX_REFUSED_CHANNELS = 64


class ChannelRegistry:
    """Data channels that a connection has; `admit` tells which have a use."""

    def __init__(self) -> None:
        self._labels: set[str] = set()
        self._refused: set[RTCDataChannel] = set()

    def add(self, label: str) -> None:
        """Note a channel. Raise `OverLimit` if there is one of this kind already."""
        if label in self._labels:
            raise OverLimit(f"the other opened a second channel {label}")
        self._labels.add(label)

    def admit(self, data_channel: RTCDataChannel) -> bool:
        """Return whether *data_channel* has a use, and close it if not. Raise `OverLimit`."""
        if data_channel.label in {LABEL, CONTROL}:
            self.add(data_channel.label)
            return True
        self._refuse(data_channel)
        return False

    def _refuse(self, data_channel: RTCDataChannel) -> None:
        if len(self._refused) >= MAX_REFUSED_CHANNELS:
            raise OverLimit(f"the other opened more than {MAX_REFUSED_CHANNELS} channels")
        self._refused.add(data_channel)
        data_channel.on("close", lambda: self._refused.discard(data_channel))
        data_channel.close()
