"""CPU profile of a server under load: `python -m bench.profile`."""

import argparse
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from bench.harness.database import postgres, register_population
from bench.harness.measure import clients
from bench.harness.processes import ROOT, push_stub, whisper
from bench.load.workload import calls

CONNECTIONS = 32

_IMPORTING = "<frozen importlib"  # the profile is of calls, not of the start

Stacks = list[tuple[list[str], int]]


def main() -> None:
    """Load a server, print the lines with the most own time and the functions with the most total time."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench") as home:
        file = Path(home) / "stacks"
        _load(file, options.seconds)
        lines = [line.rpartition(" ") for line in file.read_text().splitlines()]
    _print(
        [(stack.split(";"), int(seen)) for stack, _, seen in lines if _IMPORTING not in stack], options.top
    )


def _load(file: Path, seconds: float) -> None:
    with ExitStack() as opened:
        url = opened.enter_context(postgres())
        stub = opened.enter_context(push_stub())
        bench = opened.enter_context(clients(stub, 1))
        register_population(url, stub.url)
        command = [sys.executable, "-m", "bench.harness.sampling_profiler", str(file)]
        server = opened.enter_context(whisper(url, [stub.url], command=command))
        bench.load(server, calls, CONNECTIONS, seconds)


def _print(stacks: Stacks, top: int) -> None:
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack, seen in stacks:
        own[stack[-1]] += seen
        for frame in {frame.rpartition(":")[0] + ")" for frame in stack}:
            within[frame] += seen
    total = own.total()
    for title, found in (("its own, by line", own), ("with all that it calls", within)):
        print(f"\n{title}: of {total} samples")
        for frame, seen in found.most_common(top):
            print(f"{seen / total:6.1%}  {_short(frame)}")


def _short(frame: str) -> str:
    """Name files from their package on."""
    name, _, file = frame.partition(" (")
    return f"{name} ({file.rpartition('site-packages/')[2].removeprefix(f'{ROOT}/')}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of load (8)")
    parser.add_argument("--top", type=int, default=30, help="lines and functions to show (30)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
