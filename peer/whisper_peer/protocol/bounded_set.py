"""Set of bounded size that forgets what was added longest ago."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class BoundedSet(Generic[T]):
    """Set of at most *size* values: a flood of them makes it forget the oldest, never grow or fail."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: dict[T, None] = {}  # in the order of their coming

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def add(self, value: T) -> None:
        """Add *value*, and forget the oldest one over the size."""
        self._values[value] = None
        if len(self._values) > self._size:
            del self._values[next(iter(self._values))]
