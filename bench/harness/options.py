"""Command-line options of the benchmarks."""

import argparse
from pathlib import Path


def parse_options(program: str, description: str | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--quick", action="store_true", help="one short round, and one worker")
    parser.add_argument("--rounds", type=int, help="of which the medians are printed (3; quick: 1)")
    parser.add_argument("--seconds", type=float, help="of load in each (2; quick: 1.2)")
    parser.add_argument("--clients", type=int, default=1, help="processes that make calls (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show the change since that file")
    options = parser.parse_args()
    rounds, seconds = (1, 1.2) if options.quick else (3, 2.0)
    options.rounds = options.rounds or rounds
    options.seconds = options.seconds or seconds
    return options
