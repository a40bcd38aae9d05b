"""Control channels of one connection: acknowledgements and media negotiation between the two programs."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from uuid import uuid4

from aiortc import InvalidStateError, RTCDataChannel

from whisper_peer.channels.byte_budget import ByteBudget
from whisper_peer.channels.channel_registry import CONTROL
from whisper_peer.channels.fragments import Reassembler
from whisper_peer.channels.timeouts import wait_for
from whisper_peer.errors import BrokenSeal, OverLimit
from whisper_peer.protocol.sealing import Keys, open_sealed, parse_json, seal

# Values that may be unacknowledged, of one who acknowledges.
MAX_UNACKNOWLEDGED = 256

# So many values are one acknowledgement.
ACKNOWLEDGE_S = 0.05

# How long the other may take to acknowledge, before it counts as gone.
STALL_S = 5


class ControlChannel:
    """Two data channels, one opened by each side. `async for` yields what is said, but for acknowledgements.

    Values count from the beginning of the connection, as no other has the same session.
    """

    def __init__(
        self, keys: Keys, budget: ByteBudget, on_fault: Callable[[BrokenSeal | OverLimit], None]
    ) -> None:
        self._keys = keys
        self._budget = budget
        self._on_fault = on_fault
        self._reassembler = Reassembler(CONTROL, keys.incoming, budget)
        self._ours: RTCDataChannel | None = None
        self._unsent: deque[str] = deque()
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        self._acknowledging = False
        self._received = 0
        self._sent = 0
        self._acknowledged = 0
        self._progress = asyncio.Event()
        self.greeted = asyncio.Event()  # by one who acknowledges, and negotiates

    def open(self, data_channel: RTCDataChannel) -> None:
        """Use *data_channel*, which is ours, and greet."""
        self._ours = data_channel
        data_channel.on("open", self._send_waiting)
        self.send({"hello": {"session": str(uuid4()), "theirs": None, "received": 0}})

    def listen(self, data_channel: RTCDataChannel) -> None:
        """Hear what is said on *data_channel*, which is theirs."""
        data_channel.on("message", self._on_frame)

    def send(self, value: object) -> None:
        """Say *value*, at once or when our channel is open; nobody is told if it does not arrive."""
        self._unsent.append(seal(CONTROL, value, self._keys.outgoing))
        self._send_waiting()

    async def count_sent(self) -> None:
        """Count a value that is about to be sent, and wait until there is room for it. Raise `TimedOut`."""
        self._sent += 1
        while self.greeted.is_set() and self._sent - self._acknowledged > MAX_UNACKNOWLEDGED:
            self._progress.clear()
            await wait_for(STALL_S, self._progress.wait(), "the other has stopped reading")

    def count_received(self) -> None:
        """Count a value of theirs, and acknowledge it soon."""
        self._received += 1
        if not self._acknowledging and self.greeted.is_set():
            self._acknowledging = True
            asyncio.get_running_loop().call_later(ACKNOWLEDGE_S, self._acknowledge)

    async def __aiter__(self) -> AsyncIterator[object]:
        while True:
            plain = await self._said.get()
            self._budget.release(plain)
            match self._parse(plain):
                case {"hello": {"session": str()}}:
                    self.greeted.set()
                    self._acknowledge()
                case {"received": int(count)}:
                    self._acknowledged = count
                    self._progress.set()
                case value:
                    yield value

    def _acknowledge(self) -> None:
        self._acknowledging = False
        if self._received:
            self.send({"received": self._received})

    def _send_waiting(self) -> None:
        if self._ours is None or self._ours.readyState != "open":
            return
        with suppress(InvalidStateError):  # the connection has just ended
            while self._unsent:
                self._ours.send(self._unsent.popleft())

    def _on_frame(self, frame: str | bytes) -> None:
        try:
            plain = (
                self._reassembler.add(frame)
                if isinstance(frame, bytes)
                else open_sealed(CONTROL, frame, self._keys.incoming)
            )
            if plain is not None:
                self._budget.charge(plain)
                self._said.put_nowait(plain)
        except (BrokenSeal, OverLimit) as fault:
            self._on_fault(fault)

    def _parse(self, plain: bytes) -> object:
        try:
            return parse_json(plain)
        except BrokenSeal as broken:
            self._on_fault(broken)
            return None
