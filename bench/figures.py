"""Figures of the code itself: sizes, circles, suppressions, dependencies (`make figures`)."""

import ast
import gzip
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "client", "web", "peer")
# Tables of texts are looked up, not read.
TEXTS = Path("web/languages")
ESBUILD = ROOT / "node_modules/.bin/esbuild"
SUPPRESSION = re.compile(r"#.*(?:noqa|type: ignore|pragma: no cover)")
MOCK = re.compile(r"unittest\.mock|MagicMock|monkeypatch\.setattr|@patch")
JS_IMPORT = re.compile(
    r"""^(?:import|export)\b[^;]*?from\s*'(\.[^']+)'|^import\s*'(\.[^']+)'""", re.MULTILINE
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    """Print a table of figures; return 1 if one is over its bound."""
    rows = list(_rows(_list_files()))
    for what, value, bound in rows:
        print(f"{what:<44} {value:>7g}  {'' if bound is None else f'max {bound:g}'}")
    over = [what for what, value, bound in rows if bound is not None and value > bound]
    print(f"over its bound: {', '.join(over)}" if over else "all within their bounds")
    return int(bool(over))


def _list_files() -> list[Path]:
    listed = subprocess.run(
        ("git", "ls-files", "*.py", "*.js"),  # noqa: S607 - the developer's own git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def _rows(files: list[Path]) -> Iterator[tuple[str, float, float | None]]:
    read = [file for file in files if file.parent != TEXTS]
    sizes = {package: [_lines(file) for file in _of(read, package)] for package in PACKAGES}
    for package, lines in sizes.items():
        yield f"{package}: lines of a file, median", median(lines), None
        yield f"{package}: lines of a file, largest", max(lines), 220
    yield "lines of a file, median of all", median([each for lines in sizes.values() for each in lines]), 90
    python = [file for file in _of(files, "app", "peer") if file.suffix == ".py"]
    functions = [function for file in python for function in _functions(file)]
    lengths = [_length(function) for function in functions]
    yield "Python: lines of a function, median", median(lengths), 6
    yield "Python: lines of a function, 90th percentile", quantiles(lengths, n=10)[-1], 15
    yield "Python: lines of a function, largest", max(lengths), 40
    yield "Python: functions not annotated", sum(not _is_annotated(function) for function in functions), 0
    yield "Python: circles of imports", len(_circles(_python_imports(python))), 0
    scripts = [file for file in _of(files, "client", "web") if file.suffix == ".js"]
    yield "JavaScript: circles of imports", len(_circles(_script_imports(scripts))), 0
    yield "app: suppressions", sum(_count(SUPPRESSION, file) for file in _of(files, "app")), 10
    yield "tests: mocks", sum(_count(MOCK, file) for file in _of(files, "tests")), 0
    if ESBUILD.exists():
        yield "client: bytes of the page's file, compressed", _compressed_size(), 25_000
    folders = Counter(file.parent for file in _of(files, *PACKAGES, "bench", "tests"))
    yield "largest flat folder, files", max(folders.values()), 20
    yield from _dependency_rows()


def _compressed_size() -> int:
    """Return the size of the client's one file for pages, as a web server sends it."""
    command = (ESBUILD, "client/whisper.js", "--bundle", "--minify", "--format=esm", "--target=es2022")
    environment = os.environ | {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout
    return len(gzip.compress(built))


def _dependency_rows() -> Iterator[tuple[str, float, float | None]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required: list[str] = project["dependencies"]
    optional = [
        each for extra in ("embedded", "redis", "tracing") for each in project["optional-dependencies"][extra]
    ]
    yield "direct runtime dependencies", len(required), 14
    yield "… of them without a lower bound", sum(">=" not in each for each in (*required, *optional)), 0


def _of(files: Iterable[Path], *packages: str) -> list[Path]:
    found = [file for file in files if file.parts[0] in packages]
    return [file for file in found if file.name != "__init__.py" or _lines(file) > 1]


def _lines(file: Path) -> int:
    """Return the lines of a file."""
    return len((ROOT / file).read_text(encoding="utf-8").splitlines())


def _count(pattern: re.Pattern[str], file: Path) -> int:
    return len(pattern.findall((ROOT / file).read_text(encoding="utf-8")))


def _functions(file: Path) -> list[Function]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def _length(function: Function) -> int:
    """Return the lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def _is_annotated(function: Function) -> bool:
    given = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    plain = [each for each in given if each.arg not in ("self", "cls")]
    return function.returns is not None and all(each.annotation is not None for each in plain)


def _python_imports(files: Iterable[Path]) -> dict[str, set[str]]:
    modules = {_module(file): file for file in files}
    return {name: set(_find_imports(file)) & modules.keys() - {name} for name, file in modules.items()}


def _module(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[1:] if parts[0] == "peer" else parts).removesuffix(".__init__")


def _find_imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _script_imports(files: Iterable[Path]) -> dict[str, set[str]]:
    known = {str((ROOT / file).resolve()) for file in files}
    found = {}
    for file in files:
        text = (ROOT / file).read_text(encoding="utf-8")
        targets = {str((ROOT / file.parent / (a or b)).resolve()) for a, b in JS_IMPORT.findall(text)}
        found[str((ROOT / file).resolve())] = targets & known
    return found


def _circles(imports: Mapping[str, set[str]]) -> list[str]:
    """Return the modules that import themselves through others."""
    return [name for name in imports if name in _reachable(imports, name)]


def _reachable(imports: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = imports[waiting.pop()] - found
        found |= new
        waiting += new
    return found


if __name__ == "__main__":
    sys.exit(main())
