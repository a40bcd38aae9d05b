"""TLS towards push services: `python -m bench.tls`, about a minute.

The same calls to a push service without TLS, over kept TLS connections, and over a new one for each push.
The stub has a certificate that the server trusts as an operator would have it: by SSL_CERT_FILE. Then the CPU
time of a client's handshake, in full and resumed by a session ticket (RFC 8446, section 2.2), both ends in
memory: what resumption, which asyncio does not offer, would save.
"""

import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from bench.harness import report
from bench.harness.database import postgres, register_population
from bench.harness.measure import Round, Row, clients, measure_round
from bench.harness.options import parse_options
from bench.harness.processes import Program, change_stub, push_stub, whisper
from bench.harness.thresholds import relative_cpu
from bench.load.workload import calls
from tests.scale.certificate import write_certificate

CONNECTIONS = 32
HANDSHAKES = 200
PLAIN, KEPT, COLD = "without TLS", "TLS, kept connections", "TLS, a new connection for each"
PLAIN_COLD = "without TLS, a new connection for each"


def main() -> None:
    """Measure, and print the table, the ratios and the handshakes."""
    options = parse_options("python -m bench.tls", __doc__)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="bench"))) / "tls"
        trust = write_certificate(folder)
        rows = _measure(folder, options.rounds, options.seconds)
        full, resumed = _measure_handshakes(folder, trust)
    print(report.table(rows))
    plain, *others = rows
    for row in others:
        print(f"CPU per call: {row.name}, over {plain.name}: {relative_cpu(row, plain):.2f}")
    cold = others[-1].median("cpu")
    saved = (cold - full + resumed) / plain.median("cpu")
    print(
        f"a handshake, client's side: {1e6 * full:.0f} us of CPU; resumed by a ticket {1e6 * resumed:.0f} us"
    )
    print(f"CPU per call: {COLD}, if it were resumed, over {plain.name}: {saved:.2f} (computed)")
    if options.json:
        handshakes = {"full": full, "resumed": resumed}
        report.write(report.as_json(rows, [], handshakes=handshakes), options.json)


def _measure(folder: Path, rounds: int, seconds: float) -> list[Row]:
    with ExitStack() as opened:
        stub = opened.enter_context(push_stub(tls=folder))
        secure = next(line.split()[-1] for line in stub.output.splitlines() if "https" in line)
        bench = opened.enter_context(clients(stub, 1))
        plain, tls = [opened.enter_context(_serve(origin, folder)) for origin in (stub.url, secure)]
        cases = ((PLAIN, plain, 0), (KEPT, tls, 0), (PLAIN_COLD, plain, 1), (COLD, tls, 1))
        found: dict[str, list[Round]] = {name: [] for name, *_ in cases}
        for server in (plain, tls):
            bench.load(server, calls, CONNECTIONS, seconds)
        for _ in range(rounds):
            for name, server, closes in cases:
                change_stub(stub, f"close/{closes}")
                found[name].append(
                    measure_round(server, partial(bench.load, server, calls, CONNECTIONS, seconds))
                )
        return [Row(name, each) for name, each in found.items()]


@contextmanager
def _serve(origin: str, folder: Path) -> Iterator[Program]:
    """Run a server with a database of its own, whose people are at *origin*."""
    with postgres() as url:
        register_population(url, origin)
        settings = {"SSL_CERT_FILE": str(folder / "fullchain.pem")}
        with whisper(url, [origin], settings=settings) as server:
            yield server


def _measure_handshakes(folder: Path, trust: ssl.SSLContext) -> tuple[float, float]:
    """Return the client's CPU seconds of a full handshake, and of a resumed one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
    whole: list[float] = []
    resumed: list[float] = []
    session = None
    for turn in range(HANDSHAKES):
        used, found = _shake_hands(trust, context, session)
        if turn:  # the first reads what the others find in memory
            (resumed if session else whole).append(used)
        session = None if session else found
    return median(whole), median(resumed)


def _shake_hands(
    client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[float, ssl.SSLSession | None]:
    """Return the client's CPU seconds of one handshake, and its session with the ticket."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(up, down, server_side=True)
    began = time.process_time()
    ours = client.wrap_bio(down, up, server_hostname="127.0.0.1", session=session)
    used = time.process_time() - began
    done = [False, False]
    while not all(done):
        began = time.process_time()
        done[0] = done[0] or _advance(ours.do_handshake)
        used += time.process_time() - began
        done[1] = done[1] or _advance(theirs.do_handshake)
    theirs.write(b"!")
    ours.read(1)  # the ticket comes before it
    if session and not ours.session_reused:
        raise RuntimeError("the session was not resumed")
    return used, ours.session


def _advance(step: Callable[[], None]) -> bool:
    try:
        step()
    except ssl.SSLWantReadError:
        return False
    return True


if __name__ == "__main__":
    main()
