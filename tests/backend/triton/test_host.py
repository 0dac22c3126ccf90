"""The GPUs of this machine, which here are played: what they are, and what is compiled and launched for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlopt.backend.triton import backend as backends
from mlopt.backend.triton import driver, host
from mlopt.backend.triton import program as programs
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.driver import FACTS, told
from mlopt.backend.triton.host import Present, most_like, of_this_machine, parse, states, visible
from mlopt.backend.triton.kernel_file import Source
from mlopt.backend.triton.program import TritonProgram
from mlopt.backend.triton.target import Gpu
from mlopt.core.errors import UserError
from mlopt.core.tensors import to_torch
from mlopt.protocols import DeviceBackend
from mlopt.workloads.relu.workload import Relu


def test_gpus_of_this_machine_are_read_and_described() -> None:
    gpus = parse("GPU-1f-0, NVIDIA H200, 9.0\nGPU-2e, NVIDIA A100-SXM4-80GB, 8.0\nFailed to initialize NVML\n")
    assert gpus == (Present("NVIDIA H200", 90, "GPU-1f-0"), Present("NVIDIA A100-SXM4-80GB", 80, "GPU-2e"))
    assert [of_this_machine([gpu]).arch for gpu in gpus] == [90, 80]
    assert of_this_machine([Present("NVIDIA GeForce RTX 4090", 89, "GPU-0")]).multiprocessors == 128
    with pytest.raises(UserError, match="there is no GPU"):
        of_this_machine([])


TOLD = {"multiprocessors": 148, "shared_bytes": 233_472, "l2_bytes": 132_644_864}


def test_a_gpu_that_nobody_describes_is_what_its_driver_tells_at_the_rates_of_one_like_it(
    described: Callable[[str], Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "facts", lambda: {"GPU-0": TOLD})
    found = of_this_machine([Present("NVIDIA B300", 103, "GPU-0")])
    assert found == replace(described("b200"), arch=103, **TOLD)
    monkeypatch.setattr(host, "facts", lambda: {"GPU-0": {"multiprocessors": 142}})
    found = of_this_machine([Present("NVIDIA RTX 6000 Ada Generation", 89, "GPU-0")])
    assert found == replace(described("rtx4090"), multiprocessors=142)


@pytest.mark.parametrize(
    ("name", "arch", "size", "like"),
    [
        ("NVIDIA H100 PCIe", 90, 114, "h100"),
        ("NVIDIA H200 NVL", 90, 132, "h200"),
        ("NVIDIA GH200 480GB", 90, 132, "h100"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 89, 76, "rtx4090"),
        ("NVIDIA GeForce RTX 4060", 89, 24, "l4"),
        ("NVIDIA A10G", 86, 80, "l4"),
        ("NVIDIA A30", 80, 56, "a100"),
    ],
)
def test_a_gpu_is_like_the_one_that_bears_its_name_or_is_nearest(name: str, arch: int, size: int, like: str) -> None:
    assert most_like(Present(name, arch, "GPU-0"), size) == like


class Cuda:
    """The driver's library, with two GPUs, the second of which tells nothing of its cache."""

    def cuInit(self, flags: int) -> int:
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def cuDeviceGet(self, device: Any, number: int) -> int:
        device._obj.value = number
        return 0

    def cuDeviceGetUuid(self, name: Any, device: Any) -> int:
        name.raw = bytes([device.value + 1] * 16)
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> int:
        value._obj.value = 1000 + attribute
        return 1 if attribute == FACTS["l2_bytes"] and device.value == 1 else 0


def test_the_driver_tells_of_each_gpu_by_the_name_that_it_has_for_it() -> None:
    found = told(Cuda())
    assert list(found) == [f"GPU-{part * 4}-{part * 2}-{part * 2}-{part * 2}-{part * 6}" for part in ("01", "02")]
    first, second = found.values()
    assert first["multiprocessors"] == 1016
    assert first.keys() - second.keys() == {"l2_bytes"}


def test_what_the_driver_tells_are_figures_of_a_target() -> None:
    assert FACTS.keys() <= {field.name for field in fields(Gpu)}


def test_where_there_is_no_driver_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver.sys, "executable", "/nowhere/python")
    assert driver.facts.__wrapped__() == {}


def test_programs_are_launched_for_the_multiprocessors_that_are_here(
    described: Callable[[str], Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "present", lambda: (Present("NVIDIA H100 PCIe", 90, "GPU-0"),))
    monkeypatch.setattr(host, "facts", lambda: {"GPU-0": {"multiprocessors": 114}})
    source = Source("import torch\ndef launch(x, *, multiprocessors): return x * multiprocessors\n", "relu")
    program = TritonProgram(Relu((4,)), source, {}, (), described("h100"), {})
    (result,) = program.launcher()([to_torch(np.ones(4, np.float32))])
    assert result.tolist() == 4 * [114.0]


def test_a_target_that_is_not_here_is_a_mistake_that_says_what_is(
    described: Callable[[str], Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "present", lambda: (Present("NVIDIA A10G", 86, "GPU-0"),))
    with pytest.raises(UserError, match=r"leave target out for NVIDIA A10G, or choose evaluator=simulation"):
        TritonProgram(Relu((4,)), Source("", "relu"), {}, (), described("h100"), {}).load()


def test_programs_are_run_where_the_target_is(described: Callable[[str], Gpu], monkeypatch: pytest.MonkeyPatch) -> None:
    here = (Present("NVIDIA H200", 90, "GPU-1"), Present("NVIDIA H200", 90, "GPU-2"), Present("Tesla T4", 75, "GPU-3"))
    monkeypatch.setattr(backends, "present", lambda: here)
    assert Triton(described("h200")).native
    assert Triton(None).native
    assert not Triton(described("a100")).native
    assert Triton(None).devices() == ["GPU-1", "GPU-2"]
    assert isinstance(Triton(None), DeviceBackend)


@pytest.mark.parametrize(
    ("chosen", "left"),
    [(None, "abc"), ("", ""), ("-1", ""), ("1", "b"), ("2,0", "ca"), ("GPU-b", "b"), ("0,7,1", "a"), ("MIG-b", "abc")],
)
def test_gpus_that_a_process_may_not_use_are_left_out(chosen: str | None, left: str) -> None:
    gpus = [Present("NVIDIA L4", 89, f"GPU-{letter}") for letter in "abc"]
    assert "".join(gpu.identity[-1] for gpu in visible(gpus, chosen)) == left


def test_what_gpus_are_and_their_clocks_are_asked_of_the_drivers_own_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert states(["GPU-b"]) == []
    rows = "\n".join(f"GPU-{letter}, NVIDIA L4, 580.1, 2040 MHz, 6251 MHz, 2040 MHz, 72.00 W, 41" for letter in "ab")
    tool.write_text(f"#!/bin/sh\n[ \"$2\" = --format=csv,noheader ] && echo '{rows}'\n")
    tool.chmod(0o755)
    (found,) = states(["GPU-b", "GPU-c"])
    assert (found["uuid"], found["clocks.sm"], found["driver_version"]) == ("GPU-b", "2040 MHz", "580.1")


def test_the_gpu_is_used_that_the_driver_calls_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    used: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=f"9{number}-a"))
    monkeypatch.setattr(torch.cuda, "set_device", used.append)
    Triton(None).use("GPU-91-a")
    assert used == [1]
