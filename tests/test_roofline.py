from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from doubles import ToyBackend, which_may_enter

from mlopt import roofline as module
from mlopt.protocols import Roofline
from mlopt.roofline import Measure, roofline

KNOWN = Roofline(1e12, 1e11)


class Runs:
    """Does the work here, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, work: Measure) -> Roofline:
        self.count += 1
        return work()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, own_device: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mlopt" / "roofline"


def test_it_is_measured_once() -> None:
    runs = Runs()
    assert [roofline(ToyBackend(), runs) for _ in range(3)] == [KNOWN] * 3
    assert runs.count == 1


def test_it_is_another_one_at_another_thread_count_and_on_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs()
    roofline(ToyBackend(), runs)
    roofline(replace(ToyBackend(), thread_count=2), runs)
    assert runs.count == 2
    monkeypatch.setattr(module, "fingerprint", lambda: {"cpu": "another"})
    roofline(ToyBackend(), runs)
    assert runs.count == 3


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"flops_per_second": 1}',
        '{"flops_per_second": 0, "bytes_per_second": 1}',
        '{"flops_per_second": NaN, "bytes_per_second": 1}',
        '{"flops_per_second": "x", "bytes_per_second": 1}',
    ],
)
def test_a_file_that_makes_no_sense_is_replaced(cache: Path, content: str) -> None:
    roofline(ToyBackend(), Runs())
    (file,) = cache.iterdir()
    file.write_text(content)
    assert roofline(ToyBackend(), Runs()) == KNOWN
    assert json.loads(file.read_text()) == {"flops_per_second": 1e12, "bytes_per_second": 1e11}


def test_a_cache_that_cannot_be_written_does_no_harm(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("no folder")
    assert roofline(ToyBackend(), Runs()) == KNOWN


def test_the_machine_is_measured_alone() -> None:
    class Noting(ToyBackend):
        def roofline(self) -> Roofline:
            assert which_may_enter() == ""
            return KNOWN

    assert roofline(Noting(), Runs()) == KNOWN


def test_a_failure_to_measure_is_not_kept(cache: Path) -> None:
    class Failing(ToyBackend):
        def roofline(self) -> Roofline:
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        roofline(Failing(), Runs())
    assert not cache.exists() or not os.listdir(cache)
