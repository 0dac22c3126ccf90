"""What several folders of tests share."""

from __future__ import annotations

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

DropIn = Callable[..., Path]

sys.path.append(str(Path(__file__).parent / "importable"))  # what workers, too, must be able to import
settings.register_profile("no deadline", deadline=None)  # what an example takes is the machine's business
settings.load_profile("no deadline")
# Tests run side by side on all cores: pools of threads for matrices this small would do little but wait actively. What
# is to be as users have it is a process of its own, which is given another environment.
NUM_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # numpy's and PyTorch's
os.environ.update(dict.fromkeys(NUM_THREADS, "1"))


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


gc.disable()  # while thousands of tests are collected, of which nothing is garbage: a third of the time


def pytest_collection_finish() -> None:
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _freeze() -> None:
    """What is there by now, modules and tests for the most part, lives on: no collection of garbage need look at it.

    One over all of it takes half a second, and tests of what leaves nothing behind ask for dozens.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def drop_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DropIn:
    """Go to an empty folder; `drop_in(package, {"GROUP/NAME": yaml}, code, folder)` writes a plugin there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("MLOPT_PLUGINS", raising=False)

    def drop(package: str, options: dict[str, str], code: str = "", folder: str = "plugins") -> Path:
        root = tmp_path / folder / package
        root.mkdir(parents=True, exist_ok=True)
        (root / "__init__.py").write_text(code)
        for option, text in options.items():
            file = root / "conf" / f"{option}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.delitem(sys.modules, package, raising=False)
        return root

    return drop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgresql", metavar="URL", help="an empty database for the archive's tests, which they clear")


@pytest.fixture
def own_device(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that only this test and the processes below it know: no other study stops them to take time."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("locks")))
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.fixture
def aside_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a study does beside its trials, such as to write down the best, it does in this process."""
    from doubles import Here

    monkeypatch.setattr("mlopt.aside.Worker", Here)


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """What the command does to logging is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
