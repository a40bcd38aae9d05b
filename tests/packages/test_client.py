"""Package of the browser client: its types, its lint, and apps that are built with it and call each other."""

from pathlib import Path

import pytest

from tests.browser.drivers.firefox import Firefox
from tests.browser.firefox.test_client_guide import FILE, serving_folder, start
from tests.deployment import Deployment
from tests.packages.conftest import BIN, NODE, built, run
from tests.processes import ROOT

IMPORTS = {
    "http://localhost:8000/js/whisper.js": "whisper-client",
    "http://localhost:8000/js/worker.js": "whisper-client/worker",
}
CLASSIC = """
importScripts('./node_modules/whisper-client/dist/worker.classic.js');
whisper.install();
"""
PRECACHING = """
import { precacheAndRoute } from 'workbox-precaching';
precacheAndRoute(self.__WB_MANIFEST);
"""
CONFIG = """
import { VitePWA } from 'vite-plugin-pwa';
const files = { srcDir: '.', filename: 'sw.js', manifest: false };
const worker = { strategies: 'injectManifest', injectRegister: null, ...files };
export default { plugins: [VitePWA(worker)], build: { target: 'es2022', modulePreload: false } };
"""
TYPED = """
import { Whisper, type WhisperEventMap, type PeerEventMap } from 'whisper-client';

export async function start(address: string): Promise<void> {
  const whisper = await Whisper.start({ server: 'https://whisper.example.org' });
  whisper.addEventListener('dial', (event) => event.accept());
  whisper.addEventListener('drop', ({ reason }) => console.log(reason.length));
  // @ts-expect-error a missed call can't be accepted
  whisper.addEventListener('missed', (event) => event.accept());
  // @ts-expect-error a server is a text
  await Whisper.start({ server: 1 });
  const peer = await whisper.dial(address);
  peer.addEventListener('file', ({ transfer }) => transfer.accept());
  peer.addEventListener('message', ({ data }) => console.log(data));
  await peer.send({ any: 'JSON' });
}
export type Names = keyof WhisperEventMap | keyof PeerEventMap;
"""
TYPED_WORKER = """
import { install } from 'whisper-client/worker';

install({ describe: ({ title, body, missed }) => ({ title: missed ? 'Missed' : title, body }) });
"""


@pytest.mark.parametrize(
    ("source", "library"), [(TYPED, "dom"), (TYPED_WORKER, "webworker")], ids=["page", "worker"]
)
def test_its_types_need_no_cast(installed_client: Path, source: str, library: str) -> None:
    """Each event has its own type by the name that it is listened to, and nothing is `any`."""
    file = installed_client / f"{library}.ts"
    file.write_text(source, encoding="utf-8")
    libraries = f"es2024,{library},{library}.asynciterable" if library == "dom" else f"es2024,{library}"
    options = ("--noEmit", "--strict", "--module", "nodenext", "--types", "", "--lib", libraries)

    run(BIN / "node", ROOT / "node_modules/typescript/bin/tsc", *options, file.name, cwd=installed_client)


def test_the_packagers_tools_find_nothing(tmp_path: Path) -> None:
    """One looks at what is in it, the other at how its types are found."""
    tarball = built("*.tgz")

    run(NODE / "node_modules/.bin/publint", "run", "--strict", tarball, cwd=tmp_path)
    run(NODE / "node_modules/.bin/attw", "--profile", "esm-only", tarball, cwd=tmp_path)


def guide_files(deployment: Deployment) -> dict[str, str]:
    """Return the guide's files, with this server's name in them, and with the package's for the client."""
    guide = (ROOT / "docs/client.md").read_text(encoding="utf-8")
    for url, name in IMPORTS.items():
        guide = guide.replace(url, name)
    return dict(FILE.findall(guide.replace("http://localhost:8000", deployment.url)))


@pytest.fixture
def bundled(installed_client: Path, deployment: Deployment) -> Path:
    """Build the guide's app with Vite, its worker with a precache by vite-plugin-pwa."""
    for name, text in guide_files(deployment).items():
        (installed_client / name).write_text(text + (PRECACHING if name == "sw.js" else ""), encoding="utf-8")
    (installed_client / "vite.config.js").write_text(CONFIG, encoding="utf-8")
    run(BIN / "node", NODE / "node_modules/vite/bin/vite.js", "build", cwd=installed_client)
    return installed_client / "dist"


@pytest.fixture
def plain(installed_client: Path, deployment: Deployment) -> Path:
    """Write the guide's app without a build: a file of the package for the page, one for a classic worker."""
    files = guide_files(deployment)
    files["app.js"] = files["app.js"].replace(
        "'whisper-client'", "'./node_modules/whisper-client/dist/whisper.js'"
    )
    files["app.js"] = files["app.js"].replace("Whisper.start({", "Whisper.start({ workerType: 'classic',")
    files["sw.js"] = CLASSIC
    for name, text in files.items():
        (installed_client / name).write_text(text, encoding="utf-8")
    return installed_client


@pytest.mark.parametrize("how", ["bundled", "plain"])
def test_an_app_that_installed_it_is_called(
    request: pytest.FixtureRequest, browsers: tuple[Firefox, Firefox], how: str
) -> None:
    """The guide's app, bundled with a precaching worker, and without a bundler with a classic one."""
    with serving_folder(request.getfixturevalue(how)) as origin:
        one, other = (browser.open(origin) for browser in browsers)
        start(other)
        other.type("#address", start(one))
        other.click("#call button")
        other.see("#log", "connected")
        other.type("#text", "it works")
        other.click("#say button")

        one.see("#log", "they: it works")
        assert [browser.errors for browser in browsers] == [[], []]
