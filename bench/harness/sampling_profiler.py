"""Sampling profiler of the `whisper` command: `python -m bench.harness.sampling_profiler FILE serve`.

A timer of the kernel counts the CPU time of the process alone (setitimer(2), ITIMER_PROF), so that waiting,
for others or for a core, is not counted. Time in compiled code counts for the line that called it.
"""

import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from app.__main__ import main

TICK_S = 0.001  # the kernel makes it longer: one of its own, 1 to 4 ms

Stack = tuple[str, ...]


class Samples:
    """Sampled stacks, outermost frame first, and their counts."""

    def __init__(self) -> None:
        self.stacks: Counter[Stack] = Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        """Count the current stack."""
        stack = []
        while frame is not None:
            code = frame.f_code
            stack.append(f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})")
            frame = frame.f_back
        self.stacks[tuple(reversed(stack))] += 1

    def write(self, file: Path) -> None:
        """Write one line a stack."""
        lines = [f"{';'.join(stack)} {seen}" for stack, seen in self.stacks.items()]
        file.write_text("\n".join(lines))


def _run(file: str, *arguments: str) -> int:
    samples = Samples()
    signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
    try:
        return main(arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        samples.write(Path(file))


if __name__ == "__main__":
    sys.exit(_run(*sys.argv[1:]))
