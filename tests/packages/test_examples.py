"""Examples, as their READMEs start them: in real browsers and processes, which call each other."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.browser.drivers.firefox import Firefox
from tests.browser.drivers.page import Page, wait_until
from tests.browser.firefox.test_client_guide import serving_folder, start
from tests.deployment import Deployment, PushServiceProcess
from tests.packages.conftest import BIN, NODE, run
from tests.peer.sound_files import A_SECOND, is_heard, tone
from tests.processes import ROOT, Program, program
from tests.scale.programs import free_port

EXAMPLES = ROOT / "examples"


def copy(name: str, folder: Path, deployment: Deployment) -> None:
    """Copy an example, with this server's name in it."""
    folder.mkdir(exist_ok=True)
    for file in (EXAMPLES / name).iterdir():
        text = file.read_text(encoding="utf-8").replace("http://localhost:8000", deployment.url)
        (folder / file.name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory, deployment: Deployment) -> Iterator[str]:
    """Serve the quickstart, and yield its origin."""
    folder = tmp_path_factory.mktemp("quickstart")
    copy("quickstart", folder, deployment)
    with serving_folder(folder) as origin:
        yield origin


@pytest.fixture
def ben(browsers: tuple[Firefox, Firefox], quickstart: str) -> Page:
    """Return somebody at the quickstart's page, the only one, which answers every call."""
    browsers[0].close_tabs()
    page = browsers[0].open(quickstart)
    start(page)
    return page


@pytest.fixture
def started(deployment: Deployment, push_process: PushServiceProcess, tmp_path: Path) -> Iterator["Starter"]:
    """Return what starts programs that reach this server and push service, each ended with the test."""
    with ExitStack() as stack:
        yield Starter(
            ("--server", deployment.url, "--push-service", push_process.websocket_url), tmp_path, stack
        )


class Starter:
    """Starter of programs."""

    def __init__(self, options: tuple[str, ...], home: Path, stack: ExitStack) -> None:
        self.options = options
        self._home = home
        self._stack = stack

    def __call__(self, *command: str | Path, env: dict[str, str] | None = None) -> Program:
        """Start one."""
        return self._stack.enter_context(program(*map(str, command), cwd=self._home, env=env))


def talk(one: Page, other: Page, address: str) -> None:
    """Let *one* call *address*, whose page is *other*, and say something."""
    one.type("#address", address)
    one.click("#call button")
    one.see("#log", "connected")
    one.type("#text", "it works")
    one.click("#say button")
    other.see("#log", "they: it works")


def address_of(page: Page) -> str:
    """Return the address that a page shows."""
    address: str = page.evaluate("return document.getElementById('me').value")
    return address


def test_the_quickstart(browsers: tuple[Firefox, Firefox], ben: Page, quickstart: str) -> None:
    """Two browsers at one page."""
    anna = browsers[1].open(quickstart)
    start(anna)

    talk(anna, ben, address_of(ben))


def test_react(browsers: tuple[Firefox, Firefox], installed_client: Path, deployment: Deployment) -> None:
    """In StrictMode, which mounts everything twice in development."""
    copy("react", installed_client, deployment)
    vite = NODE / "node_modules/vite/bin/vite.js"
    run(
        "env", "NODE_ENV=development", BIN / "node", vite, "build", "--mode=development", cwd=installed_client
    )
    with serving_folder(installed_client / "dist") as origin:
        one, other = (browser.open(origin) for browser in browsers)
        start(one)

        talk(one, other, start(other))


def test_the_bot(ben: Page, started: Starter) -> None:
    """It greets whoever calls, and says what they say."""
    bot = started(sys.executable, EXAMPLES / "bot/bot.py", *started.options)
    ben.type("#address", bot.wait_for("my address").rpartition(" ")[2])

    ben.click("#call button")
    ben.see("#log", "they: I am a bot")
    ben.type("#text", "polly")
    ben.click("#say button")

    ben.see("#log", "they: polly")


def test_the_bot_plays_a_sound(started: Starter, tmp_path: Path) -> None:
    """Whoever calls it by voice hears the chime."""
    bot = started(sys.executable, EXAMPLES / "bot/bot.py", *started.options)
    address, record = bot.wait_for("my address").rpartition(" ")[2], tmp_path / "heard.wav"
    files = ("--play", tone(tmp_path / "hello.wav"), "--record", record)
    caller = started(sys.executable, "-m", "whisper_peer", "dial", address, *files, *started.options)

    wait_until(lambda: record.exists() and record.stat().st_size > A_SECOND)
    caller.end_input()
    status = caller.ended()

    assert (status, is_heard(record)) == (0, True)


def test_a_script_that_rings(ben: Page, started: Starter) -> None:
    """Nobody is rung for a command that works; for one that fails, they read which."""
    script = ("sh", EXAMPLES / "ring-from-a-script/backup.sh", address_of(ben))
    env = {"WHISPER_PEER_OPTIONS": " ".join(started.options), "PATH": f"{BIN}:/usr/bin:/bin"}

    fine = started(*script, "true", env=env).ended()
    failed = started(*script, "false", "really", env=env).ended()

    ben.see("#log", "they: failed: false really")
    assert (fine, failed) == (0, 0)


def test_a_webhook(ben: Page, started: Starter) -> None:
    """What is posted is read by whom it is for; nonsense is refused."""
    port = free_port()
    hook = started(sys.executable, EXAMPLES / "webhook/webhook.py", "--port", str(port), *started.options)
    hook.wait_for("Running on")
    url = f"http://127.0.0.1:{port}/ring"

    delivered = httpx.post(url, params={"to": address_of(ben)}, content="the disk is full", timeout=30)
    refused = httpx.post(url, params={"to": "nobody"}, content="x")

    ben.see("#log", "they: the disk is full")
    assert (delivered.json(), refused.status_code) == ({"delivered": True}, 400)
