"""Whom finalists meet."""

from __future__ import annotations

import pytest
from doubles import OnDevices, ToyBackend

from mlopt.core.schedule import Schedule
from mlopt.finals.baselines import with_baselines
from mlopt.finals.contender import KernelContender
from mlopt.finals.device_pytorch import DevicePytorchContender
from mlopt.finals.pytorch import PytorchContender
from mlopt.workloads.matmul.workload import Matmul

FINALISTS = {f"trial {number}": Schedule.of({"number": number}) for number in (4, 2, 7)}


@pytest.mark.parametrize(
    ("limited", "order"),
    [
        (False, ["torch_compile", "torch", "trial 4", "trial 2", "trial 7", "naive"]),
        (True, ["trial 4", "naive", "torch", "trial 2", "trial 7", "torch_compile"]),
    ],
)
def test_who_matters_most_gets_ready_first_where_time_is_short(limited: bool, order: list[str]) -> None:
    contenders = with_baselines(FINALISTS, Matmul(3, 4, 5), ToyBackend(), "rotated", limited)
    assert [contender.name for contender in contenders] == order
    kernels = {each.name: each.schedule for each in contenders if isinstance(each, KernelContender)}
    assert kernels == {**FINALISTS, "naive": None}


@pytest.mark.parametrize(("backend", "kind"), [(ToyBackend(), PytorchContender), (OnDevices(), DevicePytorchContender)])
def test_pytorch_runs_where_the_kernels_do(backend: ToyBackend, kind: type) -> None:
    contenders = with_baselines(FINALISTS, Matmul(3, 4, 5), backend, "warm", limited=False)
    rivals = [contender for contender in contenders if contender.name.startswith("torch")]
    assert [type(rival) for rival in rivals] == [kind, kind]
