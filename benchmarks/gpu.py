"""Triton kernels on the GPU of this machine, within ten minutes: as fast as the vendor's, and as simulated?

For each case configurations are drawn uniformly, beside those to begin with, compiled and simulated in processes of
their own, checked as in a study (`exact.py`) and timed; the best meets PyTorch and the pick of Triton's own autotuner,
which is given the same configurations and as much time, in an interleaved run. What was measured is kept as recorded
spaces (T4) with its provenance.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from exact import Judge
from report import RESULTS, report
from scipy.stats import spearmanr

from mlopt.backend.recorded import t4
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.device import Cuda
from mlopt.backend.triton.host import of_this_machine, present
from mlopt.backend.triton.kernel_file import given, source_of
from mlopt.core.errors import InvalidSchedule, UserError, summary
from mlopt.core.fingerprint import available_cores, fingerprint
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial
from mlopt.protocols import Workload
from mlopt.search.draw import Draw
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax

HEADS = {"heads": 16, "kv_heads": 16, "head_dim": 128, "dtype": "bf16"}

CASES: Mapping[str, tuple[Workload, int]] = {
    **{f"matmul {n}": (Matmul(n, n, n, "f16"), 200 if n == 4096 else 40) for n in (1024, 2048, 4096, 8192)},
    "attention 4096": (Attention(seq=4096, kv_seq=4096, **HEADS), 200),  # type: ignore[arg-type]
    "attention 8192": (Attention(seq=8192, kv_seq=8192, **HEADS), 40),  # type: ignore[arg-type]
    "attention 16384": (Attention(seq=16384, kv_seq=16384, **HEADS), 40),  # type: ignore[arg-type]
    "softmax 8192x4096": (Softmax(8192, 4096), 200),
    "layernorm 8192x4096": (Layernorm(8192, 4096), 40),
    "add 8192x4096": (Add((8192, 4096)), 40),
}
"""By name: the workload, and how many configurations are drawn; of 200 of them a rank correlation can be told."""

SECONDS = 380.0
"""For all cases, shared out by the number of their configurations; references, which 16 cores make in less than three
minutes, come on top."""
REPETITIONS, ROUNDS = 5, 40


@dataclass(frozen=True)
class Candidate:
    schedule: Schedule
    metrics: Mapping[str, float]
    compile_seconds: float


def compiled(workload: Workload, schedule: Schedule) -> Candidate:
    """In a process without a GPU: what is compiled here is found in Triton's cache there."""
    start = time.perf_counter()
    metrics = Triton(None).build(workload, schedule).simulate()
    return Candidate(schedule, metrics, time.perf_counter() - start)


def drawn(workload: Workload, number: int, rng: np.random.Generator) -> list[Schedule]:
    """Where the space says to begin, and `number` more."""
    space = Triton(None).space(workload)
    draw, found = Draw(space, rng), []
    for hint in space.hints():
        schedule = Schedule.of(dict(hint))
        try:
            space.check(schedule)
        except InvalidSchedule:
            continue
        draw.see(schedule)
        found.append(schedule)
    more = (draw.fresh() for _ in range(number))
    return found + [schedule for schedule in more if schedule is not None]


class Bench:
    """One workload with its inputs on the GPU."""

    def __init__(self, workload: Workload, judge: Judge) -> None:
        self._file = source_of(workload).load()
        self._known = {**given(workload), "multiprocessors": of_this_machine(present()).multiprocessors}
        self._judge = judge
        self._eager = workload.eager()

    def call(self, schedule: Schedule) -> Callable[[], Sequence[Any]]:
        return lambda: self._launched(schedule, self._judge.inputs)

    def pytorch(self) -> Any:
        return self._eager(*self._judge.inputs)

    def is_right(self, schedule: Schedule) -> bool:
        return self._judge.is_right(lambda inputs: self._launched(schedule, inputs)[0])

    def _launched(self, schedule: Schedule, inputs: Sequence[Any]) -> Sequence[Any]:
        return self._file.launch(schedule.values(), inputs, self._known)


def timed(bench: Bench, found: Sequence[Future[Candidate]], schedules: Sequence[Schedule]) -> Iterator[Trial]:
    """Each schedule's trial, of what was compiled in time."""
    device = Cuda()
    for number, (schedule, future) in enumerate(zip(schedules, found, strict=True)):
        if not future.done() or future.cancelled():
            yield Trial(number, schedule, Status.TIMEOUT, error="compiled for too long")
            continue
        try:
            candidate = future.result()
            if not bench.is_right(schedule):
                yield Trial(number, schedule, Status.WRONG_RESULT, error="farther off than is allowed")
                continue
            samples = tuple(device.timed(bench.call(schedule))[1] for _ in range(REPETITIONS))
        except Exception as error:
            yield Trial(number, schedule, Status.COMPILE_ERROR, error=summary(error))
            continue
        seconds, spent = statistics.median(samples), candidate.compile_seconds
        yield Trial(number, schedule, Status.OK, seconds, samples, spent, candidate.metrics)


def autotuned(bench: Bench, schedules: Sequence[Schedule], seconds: float) -> Schedule:
    """What Triton's own autotuner would choose: one configuration after the other, each by `do_bench`, until the end.

    What was compiled before is found in its cache, so that it is spared that time.
    """
    from triton.testing import do_bench

    best, end = (float("inf"), schedules[0]), time.perf_counter() + seconds
    for schedule in schedules:
        if time.perf_counter() > end:
            break
        try:
            taken = do_bench(bench.call(schedule), warmup=25, rep=100)
        except Exception:  # as the autotuner does: what cannot be launched is not chosen
            continue
        best = min(best, (taken, schedule), key=lambda pair: pair[0])
    return best[1]


def interleaved(calls: Mapping[str, Callable[[], Any]], rng: np.random.Generator) -> Mapping[str, float]:
    """The median seconds of each, taken in turn in shuffled order."""
    device, names = Cuda(), list(calls)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in rng.permutation(names):
            samples[name].append(device.timed(lambda call=calls[name]: (call(),))[1])  # type: ignore[misc]
    return {name: statistics.median(values) for name, values in samples.items()}


def case(name: str, seconds: float, copy_rate: float, rng: np.random.Generator) -> dict[str, Any]:
    """A row of the table."""
    workload, number = CASES[name]
    cores, context = available_cores(), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context) as makers:
        judge = Judge(workload, makers, cores)
        judge.ready("cuda")
    start, schedules = time.perf_counter(), drawn(workload, number, rng)
    pool = ProcessPoolExecutor(cores, context)
    futures = [pool.submit(compiled, workload, schedule) for schedule in schedules]
    bench = Bench(workload, judge)
    wait(futures, timeout=0.6 * seconds)
    trials = list(timed(bench, futures, schedules))
    for process in list(pool._processes.values()):  # what still compiles is not waited for
        process.terminate()
    pool.shutdown(wait=False, cancel_futures=True)
    spent = time.perf_counter() - start
    record(name, trials)
    ok = [trial for trial in trials if trial.seconds is not None]
    if not ok:
        raise SystemExit(f"{name}: no configuration works, such as {trials[0].error}")
    best = min(ok, key=lambda trial: trial.seconds or 0.0)
    theirs = autotuned(bench, [trial.schedule for trial in ok], spent)
    calls = {"mlopt": bench.call(best.schedule), "torch": bench.pytorch, "autotuner": bench.call(theirs)}
    found = interleaved(calls, rng)
    costs = [trial.metrics["cost"] for trial in ok]
    return {
        "case": name,
        "microseconds": found["mlopt"] * 1e6,
        "of PyTorch": found["torch"] / found["mlopt"],
        "of the autotuner": found["autotuner"] / found["mlopt"],
        "of the copy rate": workload.bytes / found["mlopt"] / copy_rate,
        "rho": float(spearmanr(costs, [trial.seconds for trial in ok]).statistic),
        "ok": f"{len(ok)}/{len(trials)}",
        "best": json.dumps(best.schedule.values()),
    }


def record(name: str, trials: Sequence[Trial]) -> None:
    """The trials as a T4 file beside the results."""
    document = t4.document(trials)
    document["metadata"]["provenance"] = provenance()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"gpu {name}.t4.json".replace(" ", "_")).write_text(json.dumps(document) + "\n")


def provenance() -> Mapping[str, Any]:
    """Which GPU, under which driver, at which clocks, when."""
    import torch
    import triton

    versions = {"torch": torch.__version__, "triton": triton.__version__, "cuda": torch.version.cuda}
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"gpu": Triton(None).states()[0], "date": date, **versions, "machine": fingerprint()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=list(CASES), help="this one alone; may be repeated")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all cases")
    call = parser.parse_args()
    try:
        of_this_machine(present())
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    names, rng = call.case or list(CASES), np.random.default_rng(0)
    roof = Triton(None).roofline()
    total = sum(CASES[name][1] for name in names)
    rows = [case(name, call.seconds * CASES[name][1] / total / 2, roof.bytes_per_second, rng) for name in names]
    title = f"copy {roof.bytes_per_second / 1e12:.2f} TB/s, fp16 products {roof.flops_per_second / 1e12:.0f} TFLOP/s"
    report("gpu", title, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
