"""What a compiler's own tuner chooses, as a baseline."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from doubles import OnDevices, ToyBackend

from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.finals.baselines import with_baselines
from mlopt.finals.contender import Skipped
from mlopt.finals.tuner import TunerContender
from mlopt.protocols import Workload
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL = Matmul(16, 16, 16)


class Tuning(OnDevices):
    """Its tuner chooses schedule 3, which cannot be built where `faults` say so."""

    tuner = "toy_tuner"

    def tuned(self, workload: Workload) -> Callable[[], Schedule]:
        if self.size < 2:
            raise UserError("there is one schedule")
        return lambda: Schedule.of({"number": 3})


def test_the_schedule_that_the_tuner_chooses_is_built_and_verified() -> None:
    built: list[int] = []
    backend = Tuning(faults=(None, None, None, lambda: built.append(3)))
    TunerContender(MATMUL, backend, "warm").prepare().verify()
    assert built == [3]


def test_where_there_is_nothing_to_choose_it_takes_no_part_and_says_why() -> None:
    with pytest.raises(Skipped, match="one schedule"):
        TunerContender(MATMUL, Tuning(size=1), "warm").prepare()


@pytest.mark.parametrize(("backend", "names"), [(Tuning(), ["toy_tuner"]), (OnDevices(), []), (ToyBackend(), [])])
@pytest.mark.parametrize("limited", [False, True])
def test_it_meets_the_finalists_of_a_backend_that_has_one(backend: ToyBackend, names: list[str], limited: bool) -> None:
    contenders = with_baselines({"trial 1": Schedule.of({"number": 1})}, MATMUL, backend, "warm", limited)
    assert [each.name for each in contenders if isinstance(each, TunerContender)] == names
