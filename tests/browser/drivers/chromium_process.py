"""Processes of Chromium, and of Playwright, which drives it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from tests.browser.drivers.chromium_tab import PlaywrightThread
from tests.processes import program

WITHOUT = [
    "WebRtcHideLocalIpsWithMdns",
    # A third of the CPU time of a start: pages for its own address bar, and a process for the next site.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "PreloadTopChromeWebUI",
    "SpareRendererForSitePerProcess",
]

OPTIONS = [
    "--headless",
    "--remote-debugging-port=0",
    "--no-sandbox",  # CI is root, whom the sandbox does not take
    # Nobody is asked or told anything at the start, and nothing is heard.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--password-store=basic",
    "--mute-audio",
    # A test can ask what a page really holds.
    "--js-flags=--expose-gc",
    "--enable-precise-memory-info",
    "--screen-info={1280x800}",
    # A page takes a quarter less CPU time: one process for all, nothing around them, nothing in motion.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
    "--kiosk",
    "--force-prefers-reduced-motion",
    # WebRTC on one machine, with a camera and a microphone that are not there.
    "--allow-loopback-in-peer-connection",
    f"--disable-features={','.join(WITHOUT)}",
    # Three of each, with few pictures, which cost CPU time; those of the second camera nobody can send.
    "--use-fake-device-for-media-stream=device-count=3,fps=5",
    "--use-fake-ui-for-media-stream",
]


@contextmanager
def run_chromium(binary: str, *options: str) -> Iterator[tuple[str, Path]]:
    """Run a new Chromium; yield where it is driven, and where it puts downloads."""
    with tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as profile:
        arguments = (*OPTIONS, *options, f"--user-data-dir={profile}", "about:blank")
        # It leaves files of its own and of its sound system where temporary files go.
        with program(binary, *arguments, env={"HOME": profile, "TMPDIR": profile}) as process:
            url = process.wait_for("DevTools listening on").split()[-1]
            yield url, Path(profile) / "downloads"


@contextmanager
def run_playwright() -> Iterator[tuple[PlaywrightThread, Playwright]]:
    """Run a Playwright in a thread."""
    thread = PlaywrightThread()
    playwright = thread.do(sync_playwright().start)
    try:
        yield thread, playwright
    finally:
        thread.do(playwright.stop)
        thread.end()
