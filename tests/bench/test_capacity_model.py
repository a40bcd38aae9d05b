"""Capacity model: its arithmetic. `python -m bench.capacity_model --check` compares it with servers."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.capacity_model import Assumptions, Measured, plan, read_measured, table
from bench.harness import report
from bench.harness.cases import NEW, USUAL
from bench.harness.measure import Round, Row

MANY = 100_000_000
GIVEN = Assumptions()


def test_ten_times_the_people_make_ten_times_the_load() -> None:
    """And need ten times the cores, but for the rounding."""
    ten, one = plan(10 * MANY, Measured(), GIVEN), plan(MANY, Measured(), GIVEN)

    assert ten.calls == pytest.approx(10 * one.calls)
    assert ten.cores == pytest.approx(10 * one.cores, rel=0.02)


def test_pushes_on_their_way_are_those_of_the_latency() -> None:
    """Little's law."""
    far = plan(MANY, Measured(), replace(GIVEN, latency=1))

    assert far.push_connections == pytest.approx(far.pushes, abs=1)


def test_a_second_device_costs_its_share_of_a_call() -> None:
    """Every call goes to all devices."""
    base = replace(GIVEN, updates=0, devices=1)
    one, three = plan(MANY, Measured(), base), plan(MANY, Measured(), replace(base, devices=3))

    assert three.pushes == pytest.approx(3 * one.pushes)
    assert three.cores == pytest.approx(1.9 * one.cores, rel=0.05)


def test_few_people_need_two_of_each() -> None:
    """One of them can be restarted."""
    few = plan(1, Measured(), GIVEN)

    assert (few.cores, few.machines, few.shards) == (2, 2, 1)
    assert "people" in table({1: few})


def test_what_a_benchmark_found_replaces_the_defaults(tmp_path: Path) -> None:
    """What it has no row for stays."""
    rows = [
        Row(case.name, [Round(100, 0.01, 0.01, 1000, 0, cpu, 0.0002, 99)])
        for case, cpu in ((USUAL, 0.0003), (NEW, 0.0009))
    ]
    report.write(report.as_json(rows, []), tmp_path / "report.json")

    measured = read_measured(tmp_path / "report.json")

    assert (measured.call, measured.new, measured.memory) == (0.0003, 0.0009, 99)
    assert measured.renewal == Measured().renewal
