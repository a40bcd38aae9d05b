"""Which endpoints asked to be left alone, and for how long: asking again sooner only makes it longer."""

from collections import OrderedDict

MAX_RESTING = 10_000  # endpoints; beyond them the one that asked first is forgotten


class RetryAfterTracker:
    """Until when each endpoint rests. Times in ms, on a clock that never jumps."""

    def __init__(self, size: int = MAX_RESTING) -> None:
        self._size = size
        self._until: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def wait(self, url: str, now: int) -> int:
        """Return the seconds for which *url* is still to be left alone, 0 for none."""
        until = self._until.get(url)
        if until is None:
            return 0
        if until <= now:
            del self._until[url]
            return 0
        return -((now - until) // 1000)

    def note(self, url: str, seconds: int, now: int) -> None:
        """Remember that *url* asked to be left alone for so many *seconds*."""
        self._until[url] = now + 1000 * seconds
        self._until.move_to_end(url)
        if len(self._until) > self._size:
            self._until.popitem(last=False)
