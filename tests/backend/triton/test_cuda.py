"""How a GPU is timed and asked for its clocks, with a model of one in the place of PyTorch's and of the driver's."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from mlopt.backend.triton import clocks as nvml
from mlopt.backend.triton import cuda
from mlopt.backend.triton.clocks import clocks
from mlopt.backend.triton.cuda import MOST_FILLS, Cuda
from mlopt.core.errors import UserError

FILL, KERNEL = 70e-6, 5e-6
"""Seconds that the GPU takes to fill the scratch, and for a short kernel."""


class Timeline:
    """A CPU that puts work into the queue of a GPU, which does it in order as soon as it is there."""

    def __init__(self) -> None:
        self.now = 0.0
        """Of the CPU."""
        self.free = 0.0
        """When the GPU has done all that it was given."""

    def enqueue(self, seconds: float, launching: float = 0.0) -> float:
        """When it will be done; the CPU takes `launching` to say what it is."""
        self.now += launching
        self.free = max(self.free, self.now) + seconds
        return self.free


class Event:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline

    def record(self) -> None:
        self.at = self.timeline.enqueue(0.0)

    def synchronize(self) -> None:
        self.timeline.now = max(self.timeline.now, self.at)

    def elapsed_time(self, end: Event) -> float:
        return 1e3 * (end.at - self.at)


@pytest.fixture
def timeline(monkeypatch: pytest.MonkeyPatch) -> Timeline:
    import torch

    found = Timeline()
    monkeypatch.setattr(torch.cuda, "Event", lambda enable_timing: Event(found))
    monkeypatch.setattr(cuda.time, "perf_counter", lambda: found.now)
    scratch = SimpleNamespace(zero_=lambda: found.enqueue(FILL, 5e-6))
    monkeypatch.setattr(Cuda, "_scratch", scratch)
    return found


@pytest.mark.parametrize("launching", [10e-6, 100e-6, 1e-3])
def test_however_long_a_launch_takes_it_is_no_time_of_the_kernel(timeline: Timeline, launching: float) -> None:
    device = Cuda()
    seconds = [device.timed(lambda: (timeline.enqueue(KERNEL, launching),))[1] for _ in range(8)]
    assert seconds[-1] == pytest.approx(KERNEL)
    assert min(seconds) == pytest.approx(KERNEL)


def test_what_compiles_at_its_first_launch_keeps_the_gpu_busy_no_longer_than_needed(timeline: Timeline) -> None:
    device, launches = Cuda(), iter([30.0] + 20 * [20e-6])
    for _ in range(20):
        before = timeline.free
        device.timed(lambda: (timeline.enqueue(KERNEL, next(launches)),))
    assert timeline.free - before < 4 * FILL


def test_nobody_is_kept_busy_for_ever(timeline: Timeline) -> None:
    device = Cuda()
    for _ in range(20):
        before = timeline.now
        device.timed(lambda: (timeline.enqueue(KERNEL, 1.0),))
    assert timeline.now - before < 1.0 + 2 * MOST_FILLS * FILL


class Nvml:
    """The driver's library, with one GPU; it does not tell the clock of memory."""

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, device: Any) -> int:
        if uuid != b"GPU-1":
            return 6
        device._obj.value = 7
        return 0

    def nvmlDeviceGetClockInfo(self, device: ctypes.c_void_p, kind: int, megahertz: Any) -> int:
        assert device.value == 7
        megahertz._obj.value = 1980
        return 0 if kind == 1 else 3


@pytest.fixture
def fresh() -> Iterator[None]:
    yield
    nvml._device.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_clocks_are_told_in_hertz_as_far_as_the_driver_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "_library", Nvml)
    assert clocks("GPU-1") == {"sm_hertz": 1.98e9}
    assert clocks("GPU-2") == {}


@pytest.mark.usefixtures("fresh")
def test_where_there_is_no_driver_nobody_tells_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "LIBRARY", "libno-such-driver.so.1")
    nvml._library.cache_clear()
    assert clocks("GPU-3") == {}
    nvml._library.cache_clear()


def test_a_pytorch_that_cannot_use_the_gpu_is_a_mistake_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match=r"^PyTorch .* cannot use the GPU"):
        cuda.use("GPU-1")


def test_what_is_made_for_a_gpu_is_made_on_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=f"{number}-a"))
    assert cuda.place("GPU-1-a") == "cuda:1"
    assert cuda.place("MIG-7") == "cuda:0"
