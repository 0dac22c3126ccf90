"""What lies beside a user's file and is imported by it: found without running it, and imported from its texts.

It goes where the file goes, into processes, sandboxes and exports, in most of which the file's folder is not.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

from ...core.errors import UserError, summary

Texts = tuple[tuple[str, str], ...]
"""Of files, after their places below a folder, such as `package/module.py`."""

TAKEN = ("kernel.py", "given.py", "reference.py", "rerun.py", "mended.py", "played.py")
"""What an exported kernel has beside itself anyway."""


@functools.lru_cache(maxsize=8)
def beside(path: str, text: str) -> Texts:
    """What the file at `path`, of this text, imports of its own folder, and what that imports there.

    Of a package that is all of its files. They are read once a process, as Python imports them. Raises UserError for
    what cannot be read, or not be exported.
    """
    folder, found, left = Path(path).parent, dict[str, str](), [text]
    while left:
        for name in _imported(left.pop()):
            for file in _files(folder, name):
                place = file.relative_to(folder).as_posix()
                if place not in found:
                    found[place] = _text(file)
                    left.append(found[place])
    if clash := sorted(found.keys() & TAKEN):
        raise UserError(f"{path} imports {clash[0]}, whose name an exported kernel needs: give that file another one")
    return tuple(sorted(found.items()))


def run(module: ModuleType, text: str) -> None:
    """Carry out a text as this module, which other code then imports by its name; raises whatever that does.

    Triton and tracebacks find its lines where Python keeps those of files.
    """
    filename = f"<{module.__name__} {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    sys.modules[module.__name__] = module
    exec(compile(text, filename, "exec", dont_inherit=True), module.__dict__)


def importable(texts: Texts, folder: Path) -> None:
    """Have this process import these files, of that folder, from their texts; what it did so before it forgets."""
    for importer in [each for each in sys.meta_path if isinstance(each, _Importer)]:
        sys.meta_path.remove(importer)
        for name in importer.names:
            sys.modules.pop(name, None)
    if texts:
        sys.meta_path.insert(0, _Importer(dict(texts), folder))  # a script's folder comes first, too


class _Importer(MetaPathFinder, Loader):
    """Imports modules from their texts."""

    def __init__(self, texts: Mapping[str, str], folder: Path) -> None:
        self._texts = texts
        self._folder = folder
        self.names: list[str] = []
        """Of modules that it has imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        stem = name.replace(".", "/")
        for place, is_package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
            if place in self._texts:
                return spec_from_loader(name, self, origin=place, is_package=is_package)
        return None

    def exec_module(self, module: ModuleType) -> None:
        place = str(module.__spec__ and module.__spec__.origin)
        module.__file__ = str(self._folder / place)
        self.names.append(module.__name__)
        run(module, self._texts[place])


def _imported(text: str) -> set[str]:
    """The first names of modules that a text imports, wherever in it; none if it is no Python, as running it says."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return set()
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in names}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"what the kernel's file imports cannot be read: {summary(error)}") from None


def _files(folder: Path, name: str) -> Iterator[Path]:
    """Of the package or module of this name."""
    if (folder / name / "__init__.py").is_file():
        yield from sorted((folder / name).rglob("*.py"))
    elif (folder / f"{name}.py").is_file():
        yield folder / f"{name}.py"
