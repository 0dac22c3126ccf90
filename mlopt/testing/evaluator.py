"""The contract of evaluators."""

from __future__ import annotations

import importlib
import json
import math
import pickle
from abc import ABC, abstractmethod
from typing import get_args

import pytest

from ..core.errors import WrongResult
from ..core.trial import Measurement
from ..protocols import Evaluator, Inputs, Program, Workload


class EvaluatorContract(ABC):
    """What every evaluator promises a study. Subclass it as `Test...` and say how to make one and what to judge."""

    @abstractmethod
    def make(self) -> Evaluator:
        """An evaluator."""

    @abstractmethod
    def workload(self) -> Workload:
        """What the programs compute; small."""

    @abstractmethod
    def program(self) -> Program:
        """A new program that computes the workload, as a backend builds it."""

    @abstractmethod
    def wrong_program(self) -> Program:
        """One that computes something else. Only what executes programs has to tell it from a right one."""

    def measure(self, best: float | None = None) -> Measurement:
        """What a fresh evaluator says of a right program."""
        return self.make().evaluate(self.program(), self.workload(), best)

    def test_can_be_sent_to_a_worker(self) -> None:
        evaluator = self.make()
        assert pickle.loads(pickle.dumps(evaluator)) == evaluator
        hash(evaluator)

    def test_names_only_modules_that_a_worker_can_import(self) -> None:
        for module in self.make().preload:
            importlib.import_module(module)

    def test_says_how_calls_are_given_their_inputs_if_it_executes(self) -> None:
        evaluator = self.make()
        assert not evaluator.executes or evaluator.inputs in get_args(Inputs)

    def test_a_workload_can_be_prepared_more_than_once(self) -> None:
        evaluator = self.make()
        for _ in range(2):
            evaluator.prepare(self.workload())
        evaluator.evaluate(self.program(), self.workload(), None)

    def test_a_right_program_has_seconds_where_it_was_executed_and_a_cost_where_not(self) -> None:
        measurement = self.measure()
        if self.make().executes:
            assert measurement.seconds is not None
            assert measurement.seconds > 0.0
            assert min(measurement.samples) <= measurement.seconds <= max(measurement.samples)
        else:
            assert (measurement.seconds if measurement.seconds is not None else measurement.metrics["cost"]) > 0.0

    def test_its_numbers_are_plain_and_finite(self) -> None:
        measurement = self.measure()
        numbers = [measurement.seconds, *measurement.samples, *measurement.metrics.values()]
        assert all(number is None or math.isfinite(number) for number in numbers)
        json.dumps(numbers)

    @pytest.mark.parametrize("best", [1e-12, 1e12])
    def test_a_right_program_is_judged_whatever_the_best_so_far(self, best: float) -> None:
        measurement = self.measure(best)
        assert (measurement.seconds is not None) == self.make().executes or "cost" in measurement.metrics

    def test_a_wrong_program_that_is_executed_is_found_wrong_every_time(self) -> None:
        if not self.make().executes:
            pytest.skip("nothing is executed")
        for best in (None, 1e-12, 1e12):
            with pytest.raises(WrongResult):
                self.make().evaluate(self.wrong_program(), self.workload(), best)

    def test_a_wrong_program_does_no_harm_to_the_next_one(self) -> None:
        if self.make().executes:
            with pytest.raises(WrongResult):
                self.make().evaluate(self.wrong_program(), self.workload(), None)
        self.measure()
