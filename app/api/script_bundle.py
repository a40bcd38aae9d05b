"""Bundle of ECMAScript modules: an entry module with all that it imports, as one file.

A browser that asks for eighty modules one by one, six at a time, waits for the network most of the time.
They are put one after the other, each in a function of its own, as bundlers do; here the server does it when
it is asked. It takes the declarations that this app uses, and refuses any other form of import and export.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping

from app.api.static_files import FileVersion, StaticFile, make_version

_IMPORT = re.compile(r"^import \{([^}]*)\} from '(\.[^']+)';$", re.MULTILINE)
_REEXPORT = re.compile(r"^export \{([^}]*)\} from '(\.[^']+)';$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n", re.MULTILINE | re.DOTALL)


class UnsupportedModule(Exception):
    """A module with a declaration that can't be bundled, or that imports a file which is not served."""


class ScriptBundle:
    """Bundle of the module at *entry* and all that it imports from *files*; made once for each version."""

    def __init__(self, path: str, entry: str, files: Mapping[str, StaticFile]) -> None:
        self.path = path
        self.media_type = "text/javascript; charset=utf-8"
        self._entry = entry
        self._files = files
        self._made_of: dict[str, str] = {}
        self._version: FileVersion | None = None

    def read(self) -> FileVersion:
        """Return the bundle of the files as they are now."""
        if self._version is None or self._hashes(self._made_of) != self._made_of:
            modules = self._collect(self._entry, {})
            self._made_of = self._hashes(modules)
            self._version = make_version(_bundle(modules).encode(), ".js")
        return self._version

    def _hashes(self, paths: Mapping[str, str]) -> dict[str, str]:
        return {path: self._files[path].read().hash for path in paths}

    def _collect(self, path: str, found: dict[str, str]) -> dict[str, str]:
        """Add a module to *found*, behind those that it imports."""
        if path not in self._files:
            raise UnsupportedModule(f"{path} is imported, but it is not there")
        source = self._files[path].read().content.decode()
        for imported in _find_imports(path, source):
            if imported not in found:
                self._collect(imported, found)
        found[path] = source
        return found


def _find_imports(path: str, source: str) -> Iterator[str]:
    for declaration in (_IMPORT, _REEXPORT):
        for _, name in declaration.findall(source):
            yield _resolve(path, name)


def _resolve(path: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name))


def _bundle(modules: Mapping[str, str]) -> str:
    """Join modules, of which each imports earlier ones alone; the last may wait at its top level."""
    names = {path: f"module{number}" for number, path in enumerate(modules)}
    *others, (_, entry) = [(path, _convert(path, source, names)) for path, source in modules.items()]
    return "".join(f"const {names[path]} = (() => {{\n{code}}})();\n" for path, code in others) + entry


def _convert(path: str, source: str, names: Mapping[str, str]) -> str:
    """Turn imports into constants, and exports into what the module's function returns."""
    exported = _EXPORT.findall(source)
    code = _COMMENT.sub("", source)
    for names_of, module in _REEXPORT.findall(source):
        exported += [f"{name}: {names[_resolve(path, module)]}.{name}" for name in _split(names_of)]
    code = _EXPORT.sub("", _REEXPORT.sub("", code))
    code = _IMPORT.sub(
        lambda match: f"const {{ {_pattern(match[1])} }} = {names[_resolve(path, match[2])]};", code
    )
    if other := _OTHER.search(code):
        raise UnsupportedModule(f"{path}: {other[0]}")
    return f"{code}return {{ {', '.join(exported)} }};\n" if exported else code


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _pattern(names: str) -> str:
    return ", ".join(name.replace(" as ", ": ") for name in _split(names))
