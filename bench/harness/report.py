"""Benchmark report: a table, JSON, and a comparison with an earlier report."""

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.harness.measure import Row
from bench.harness.thresholds import Threshold

_HEAD = ("calls/s", "p50 ms", "p99 ms", "refused", "CPU us/call", "x baseline", "(spread)", "RSS MB")
_FIGURES = ("per_second", "p50", "p99", "refusals", "cpu", "baseline", "ratio", "resident")


def table(rows: Sequence[Row], before: Mapping[str, Any] | None = None) -> str:
    """Return the rows as a table; with the report of an earlier run, the change of each ratio."""
    width = max(len(row.name) for row in rows)
    lines = [" " * width + "".join(f"{name:>12}" for name in _HEAD) + (f"{'change':>9}" if before else "")]
    for row in rows:
        low, high = row.spread
        figures = [
            f"{row.median('per_second'):.0f}",
            f"{1000 * row.median('p50'):.1f}",
            f"{1000 * row.median('p99'):.1f}",
            f"{row.median('refusals'):.1%}",
            f"{1e6 * row.median('cpu'):.0f}",
            f"{row.median('ratio'):.2f}",
            f"{low:.2f}-{high:.2f}",
            f"{row.median('resident'):.0f}",
        ]
        lines.append(row.name.ljust(width) + "".join(f"{figure:>12}" for figure in figures))
        if before:
            lines[-1] += _change(row, before)
    return "\n".join(lines)


def _change(row: Row, before: Mapping[str, Any]) -> str:
    was = before["rows"].get(row.name)
    return f"{row.median('ratio') / was['ratio'] - 1:>+9.0%}" if was else f"{'new':>9}"


def verdicts(thresholds: Sequence[Threshold]) -> str:
    """Return a line for each threshold: the value, the limit, and whether it holds."""
    width = max(len(each.name) for each in thresholds)
    return "\n".join(
        f"{one.name.ljust(width)}{one.value:>9.2f}, {_bound(one):<14} {'ok' if one.holds else 'over'}"
        for one in thresholds
    )


def _bound(threshold: Threshold) -> str:
    return f"at {'least' if threshold.at_least else 'most'} {threshold.limit:g}"


def as_json(rows: Sequence[Row], thresholds: Iterable[Threshold], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the rows with their rounds, the thresholds, and *more* as one JSON object; times in seconds."""
    return {
        "machine": {"processor": _processor(), "python": platform.python_version()},
        "rows": {
            row.name: {
                **{name: row.median(name) for name in _FIGURES},
                "rounds": [asdict(each) for each in row.rounds],
            }
            for row in rows
        },
        "thresholds": {each.name: {"value": each.value, "limit": each.limit} for each in thresholds},
        **more,
    }


def write(report: Mapping[str, Any], file: Path) -> None:
    """Write a report for a later comparison."""
    file.write_text(json.dumps(report, indent=2) + "\n")


def read(file: Path) -> dict[str, Any]:
    """Read a report that `write` wrote."""
    report: dict[str, Any] = json.loads(file.read_text())
    return report


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
