"""What is known of the machine, read from files that stand in for the system's own."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import mlopt
from mlopt.core import cgroup
from mlopt.core import fingerprint as module
from mlopt.core.fingerprint import all_cache_bytes, available_cores, cache_bytes, cpu_flags, digest, fingerprint

X86 = """
processor\t: 0
model name\t: Fast CPU @ 3.00GHz
flags\t\t: fpu sse2 avx2

processor\t: 1
model name\t: Other CPU
flags\t\t: fpu
"""
ARM = """
processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd sve
"""

System = Callable[[dict[str, str]], None]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """Put a folder in the place of the file system's root; `system({path: content})` fills it."""

    def forget() -> None:
        cpu_flags.cache_clear()
        module._cpuinfo.cache_clear()

    def fill(files: dict[str, str]) -> None:
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        forget()

    monkeypatch.setattr(module, "Path", lambda path: tmp_path / str(path).lstrip("/"))
    forget()
    yield fill
    forget()


@pytest.mark.parametrize(("cpuinfo", "flags"), [(X86, {"fpu", "sse2", "avx2"}), (ARM, {"fp", "asimd", "sve"})])
def test_flags_are_those_of_the_first_core(system: System, cpuinfo: str, flags: set[str]) -> None:
    system({"proc/cpuinfo": cpuinfo})
    assert cpu_flags() == flags


def test_a_system_that_tells_nothing_has_no_flags_no_caches_and_an_unknown_cpu(system: System) -> None:
    system({})
    assert cpu_flags() == frozenset()
    assert cache_bytes() == {}
    assert fingerprint()["cpu"] == "unknown"


def test_the_cpu_is_the_first_cores_model(system: System) -> None:
    system({"proc/cpuinfo": X86})
    assert fingerprint()["cpu"] == "Fast CPU @ 3.00GHz"


def cache(index: int, kind: str, level: int, size: str) -> dict[str, str]:
    folder = f"sys/devices/system/cpu/cpu0/cache/index{index}"
    return {f"{folder}/type": f"{kind}\n", f"{folder}/level": f"{level}\n", f"{folder}/size": f"{size}\n"}


def test_caches_are_data_and_unified_ones_in_bytes(system: System) -> None:
    files = cache(0, "Data", 1, "48K") | cache(1, "Instruction", 1, "32K") | cache(2, "Unified", 2, "2048K")
    system(files | cache(3, "Unified", 3, "32M"))
    assert cache_bytes() == {"L1": 48 << 10, "L2": 2 << 20, "L3": 32 << 20}


def test_a_cache_that_is_told_of_by_halves_is_passed_over(system: System) -> None:
    files = cache(0, "Data", 1, "48K") | cache(1, "Unified", 2, "") | cache(2, "Unified", 3, "32M")
    del files["sys/devices/system/cpu/cpu0/cache/index2/level"]
    system(files)
    assert cache_bytes() == {"L1": 48 << 10}


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 6} if pid == 0 else set())
    monkeypatch.setattr(cgroup, "cpu_limits", tuple)
    assert available_cores() == fingerprint()["cores"] == 3


@pytest.mark.parametrize(("quotas", "cores"), [((2.0,), 2), ((1.2, 8.0), 2), ((0.1,), 1), ((4.0,), 3)])
def test_a_container_has_no_more_cores_than_its_quota_rounded_up(
    monkeypatch: pytest.MonkeyPatch, quotas: tuple[float, ...], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 6})
    monkeypatch.setattr(cgroup, "cpu_limits", lambda: quotas)
    assert available_cores() == cores


def test_a_fingerprint_is_plain_data_with_all_that_can_change_a_time() -> None:
    found = fingerprint()
    assert json.loads(json.dumps(found)) == found
    assert found["machine"] == platform.machine()
    assert found["memory_bytes"] > 1 << 27
    assert found["python"] == platform.python_version()
    assert platform.release() in found["system"]
    assert found["versions"]["numpy"] == np.__version__


def test_what_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("numpy", "no-such-package"))
    assert fingerprint()["versions"] == {"numpy": metadata.version("numpy")}


def test_another_cpu_has_another_fingerprint(system: System) -> None:
    system({"proc/cpuinfo": X86})
    one = fingerprint()
    system({"proc/cpuinfo": X86.replace("sse2", "avx512f")})
    assert fingerprint()["flags"] != one["flags"]
    system({"proc/cpuinfo": X86.replace("fpu sse2", "sse2 fpu")})
    assert fingerprint() == one


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    code = "import json; from mlopt.core.fingerprint import fingerprint; print(json.dumps(fingerprint()))"
    environment = {**os.environ, "PYTHONPATH": str(Path(mlopt.__file__).parents[1]), "PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == fingerprint()


def test_a_digest_is_of_content() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert len({digest(value) for value in ({"a": 1}, {"a": 2}, {"b": 1}, [1, 2], [2, 1], None)}) == 6
    assert digest([]).isalnum()
    assert len(digest([])) == 12


def test_a_cache_that_cores_share_is_counted_once(tmp_path: Path) -> None:
    caches = {"0": ("Data", "1", "32K"), "1": ("Instruction", "1", "32K"), "2": ("Unified", "3", "4M")}
    for core in range(4):
        for index, (kind, level, size) in caches.items():
            place = tmp_path / f"cpu{core}" / "cache" / f"index{index}"
            place.mkdir(parents=True)
            shared = f"{core // 2 * 2}-{core // 2 * 2 + 1}" if level == "3" else str(core)
            for file, content in (("type", kind), ("level", level), ("size", size), ("shared_cpu_list", shared)):
                (place / file).write_text(f"{content}\n")
    assert all_cache_bytes(tmp_path) == 4 * (32 << 10) + 2 * (4 << 20)
    assert all_cache_bytes(tmp_path / "none") == 0
