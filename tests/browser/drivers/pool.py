"""Pool of running browsers: the next user gets an idle one, which takes less CPU time than a start."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_idle: dict[tuple[object, ...], list[tuple[Any, ExitStack]]] = {}


@contextmanager
def lend(kind: tuple[object, ...], start: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
    """Lend an idle one of this *kind*, or *start* one; a block that fails ends it."""
    idle = _idle.setdefault(kind, [])
    running, life = idle.pop() if idle else _begin(start)
    with life:
        yield running
        idle.append((running, life.pop_all()))


def stop_idle() -> None:
    """End all that nobody uses, the last that was started first."""
    while _idle:
        for _, life in _idle.popitem()[1]:
            life.close()


def _begin(start: Callable[[], AbstractContextManager[T]]) -> tuple[T, ExitStack]:
    with ExitStack() as life:
        return life.enter_context(start()), life.pop_all()
