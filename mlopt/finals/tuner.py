"""The tuner that a backend's compiler brings as a baseline: what its users have without mlopt."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import UserError
from ..executor import device
from ..protocols import Inputs, TunedBackend, Workload
from .contender import KernelContender, Prepared, Skipped, settle


@dataclass(frozen=True)
class TunerContender:
    """The program of the schedule that the tuner chooses while this gets ready."""

    workload: Workload
    backend: TunedBackend
    inputs: Inputs

    @property
    def name(self) -> str:
        return self.backend.tuner

    @property
    def preload(self) -> tuple[str, ...]:
        return self.backend.preload

    def prepare(self) -> Prepared:
        try:
            with device.shared():
                choose = self.backend.tuned(self.workload)
        except UserError as error:
            raise Skipped(str(error)) from None
        settle(self.backend)
        with device.alone():
            schedule = choose()
        return KernelContender(self.name, self.backend, self.workload, schedule, self.inputs).prepare()
