"""Loading time of the web app in a Chromium, on a slow network and without a server (`make page`)."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.browser.drivers.chromium import CHROMIUM, new_chromium
from tests.browser.drivers.chromium_tab import Tab
from tests.browser.drivers.pool import stop_idle
from tests.browser.users.chromium_user import at_chromium
from tests.deployment import Deployment, deployment_for, pushing, serving
from tests.processes import Program, installed

LATENCY_MS = 150
BITS_PER_S = 1_600_000
ROUNDS = 3

# A page is usable when its first control is seen and its scripts have run: until then it is hidden.
LOADED = """
    const usable = await new Promise((resolve) => {
        const look = () => {
            const controls = document.querySelectorAll('#turn-on, #add-person');
            const isSeen = [...controls].some((control) => control.checkVisibility());
            isSeen ? resolve(performance.now()) : setTimeout(look, 5);
        };
        look();
    });
    const files = performance.getEntriesByType('resource');
    const [page] = performance.getEntriesByType('navigation');
    const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? usable;
    const bytes = [page, ...files].reduce((sum, { transferSize }) => sum + transferSize, 0);
    return [paint / 1000, usable / 1000, files.length + 1, bytes / 1000];
"""
IS_KEPT = """
    for (const name of await caches.keys()) {
        const kept = await (await caches.open(name)).keys();
        if (kept.some(({ url }) => url.endsWith('/shell.json'))) return true;
    }
    return false;
"""

# What is printed, and the most that it may be.
_BARS = {
    f"first paint, cold, {LATENCY_MS} ms {BITS_PER_S / 1e6:g} Mbit/s": 1.2,
    f"usable, cold, {LATENCY_MS} ms {BITS_PER_S / 1e6:g} Mbit/s": 2.0,
    "usable, warm, server hangs": 0.5,
}


def main() -> int:
    """Print the table; return 1 if a figure is over its bar."""
    with (
        pushing() as push_service,
        tempfile.TemporaryDirectory(prefix="page") as home,
        serving(deployment_for(push_service, Path(home))) as (server, running),
    ):
        deployment = replace(running, host="localhost")
        colds = [_load_cold(deployment) for _ in range(ROUNDS)]
        with at_chromium(deployment, push_service) as resident:
            warms = [_load_without_server(resident.page, server) for _ in range(ROUNDS)]
    stop_idle()
    paint, usable, requests, kilobytes = (median(each) for each in zip(*colds, strict=True))
    values = dict(zip(_BARS, (paint, usable, median(warms)), strict=True))
    for name, value in values.items():
        print(f"{name}: {value:.2f} s  (at most {_BARS[name]:.1f} s)")
    print(f"requests, cold: {requests:.0f}, with {kilobytes:.0f} kB")
    return int(any(value > _BARS[name] for name, value in values.items()))


def _load_cold(deployment: Deployment) -> list[float]:
    with new_chromium(installed(CHROMIUM)) as running:
        page = running.open("about:blank")
        page.throttle(LATENCY_MS, BITS_PER_S)
        page.goto(deployment.url)
        loaded: list[float] = page.evaluate(LOADED)
        return loaded


def _load_without_server(page: Tab, server: Program) -> float:
    page.wait_until(IS_KEPT)
    with suspend(server):
        page.reload()
        usable: float = page.evaluate(LOADED)[1]
        return usable


@contextmanager
def suspend(server: Program) -> Iterator[None]:
    """Let the server answer nothing, and refuse nothing, until the block ends."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


if __name__ == "__main__":
    sys.exit(main())
