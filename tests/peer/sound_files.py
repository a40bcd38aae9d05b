"""Sounds in files, and what was recorded of them."""

import math
import wave
from array import array
from pathlib import Path

LOUD = 1000  # of 32767
A_SECOND = 2 * 2 * 48_000  # bytes of a record, in stereo


def tone(path: Path, seconds: float = 0.5) -> Path:
    """Write a sound."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        samples = (10_000 * math.sin(at / 20) for at in range(int(48000 * seconds)))
        file.writeframes(array("h", map(int, samples)).tobytes())
    return path


def is_heard(path: Path) -> bool:
    """Tell if there is anything but silence in a record."""
    with wave.open(str(path)) as file:
        return max(array("h", file.readframes(file.getnframes())), default=0) > LOUD
