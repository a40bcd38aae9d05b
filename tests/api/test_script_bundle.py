"""Bundle of the page's scripts: the same work as its modules, in one file."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.api.script_bundle import ScriptBundle, UnsupportedModule
from app.api.static_files import StaticFile
from tests.processes import ROOT, program

NODE = str(ROOT / ".venv/bin/node")

MODULES = {
    "main.js": """
import {
  double,
  Counter as Tally,
} from './lib/numbers.js';
import { names } from './names.js';

/** @param {import('./names.js').Names} given */
const print = async (given) => console.log(JSON.stringify(given));

await print([double(4), new Tally().count, [...names()]]);
""",
    "names.js": "import { WORD } from './lib/words.js';\n\nexport function* names() {\n  yield WORD;\n}\n",
    "lib/numbers.js": """
import { WORD } from './words.js';
const two = 2;
/**
 * @param {number} number
 */
export const double = (number) => /** @type {number} */ (number) * two;
export { WORD } from './words.js';
export class Counter {
  count = WORD.length;
}
""",
    "lib/words.js": "const two = 'own';\nexport const WORD = two + ' import { no } from it';\n",
}


def bundle_of(folder: Path, modules: Mapping[str, str]) -> ScriptBundle:
    """Return the bundle of *modules*, written in *folder*."""
    for name, source in modules.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(source)
    files = {f"/{name}": StaticFile(folder / name) for name in modules}
    return ScriptBundle("/app.js", "/main.js", files)


def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    """Each with its own names."""
    bundle = tmp_path / "bundle.mjs"
    bundle.write_bytes(bundle_of(tmp_path, MODULES).read().content)

    outputs = []
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for script in (bundle, tmp_path / "main.js"):
        with program(NODE, str(script)) as node:
            assert node.ended() == 0
        outputs.append(node.output)

    assert outputs == ['[8,25,["own import { no } from it"]]'] * 2


def test_a_bundle_is_made_once_for_each_version(tmp_path: Path) -> None:
    """And anew when a module has changed, also one that is imported by an import."""
    bundle = bundle_of(tmp_path, MODULES)
    first, again = bundle.read(), bundle.read()
    (tmp_path / "lib/words.js").write_text("export const WORD = 'new';")

    assert again is first
    assert bundle.read().hash != first.hash


@pytest.mark.parametrize(
    "source",
    [
        "import all from './names.js';",
        "import * as all from './names.js';",
        "import './names.js';",
        "export let count = 0;",
        "export default 5;",
        "import { gone } from './gone.js';",
    ],
)
def test_what_can_not_be_bundled_is_refused(tmp_path: Path, source: str) -> None:
    """A fault of the app, which its tests find: not a page that does something else."""
    bundle = bundle_of(tmp_path, {"main.js": source, "names.js": ""})

    with pytest.raises(UnsupportedModule):
        bundle.read()
