"""Triton kernels on the GPU of this machine, within ten minutes: as fast as the vendor's, and as simulated?

For each case configurations are drawn uniformly and bred, compiled and simulated, checked as in a study (`exact.py`)
and timed; the best meets PyTorch and the pick of Triton's own autotuner (`gpu_contest.py`). What was measured is kept
as recorded spaces (T4) with its provenance. What fails is a figure that is missing, beside the reason. All that is
known is written as soon as it is, so that nothing is lost when the time is up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from gpu_contest import READY_SECONDS, Contest, attempted
from gpu_works import Rooflines
from report import RESULTS, report, write

from mlopt.backend.recorded.document import document
from mlopt.backend.triton.backend import Triton
from mlopt.backend.triton.host import of_this_machine, present
from mlopt.core.errors import UserError, summary
from mlopt.core.fingerprint import available_cores, fingerprint
from mlopt.core.trial import Trial
from mlopt.executor import accelerator
from mlopt.executor.local import Local
from mlopt.executor.worker import Worker
from mlopt.protocols import Workload
from mlopt.runner import now
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.matmul.workload import Matmul
from mlopt.workloads.softmax.workload import Softmax


def attention(seq: int) -> Attention:
    return Attention(heads=16, kv_heads=16, head_dim=128, dtype="f16", seq=seq, kv_seq=seq)


CASES: Mapping[str, tuple[Workload, int]] = {
    "matmul 4096": (Matmul(4096, 4096, 4096, "f16"), 200),
    "attention 4096": (attention(4096), 200),
    "softmax 8192x4096": (Softmax(8192, 4096), 200),
    "matmul 1024": (Matmul(1024, 1024, 1024, "f16"), 0),
    "matmul 2048": (Matmul(2048, 2048, 2048, "f16"), 0),
    "matmul 8192": (Matmul(8192, 8192, 8192, "f16"), 0),
    "attention 8192": (attention(8192), 0),
    "attention 16384": (attention(16384), 0),
    "layernorm 8192x4096": (Layernorm(8192, 4096), 0),
    "add 8192x4096": (Add((8192, 4096)), 0),
}
"""By name: the workload, and how many configurations are drawn; of 200 of them a rank correlation can be told."""

BRED = 60
"""Configurations that are bred beyond those at most."""

SECONDS = 560.0
"""From the start, for all cases, shared out by the number of their configurations."""
READYING = 40
"""Configurations that could be tried while the inputs and results of a case are made."""
LEAST_SECONDS = 5.0
"""Of a case: less is not worth beginning."""

COMPILER_BYTES = 4 << 30
"""Of memory that a compiling process may have; machines that grow while they are used tell too little of theirs."""

PRELOAD = ("torch", "triton", "gpu_contest", *Triton(None).preload)

Row = dict[str, Any]


def rows(names: Sequence[str], end: float, compilers: Local, gpu: Worker) -> Iterator[tuple[str, Row]]:
    """What is found out of one case after the other, as it is, until `end`.

    What the next case draws is compiled while the GPU is at the last of this one.
    """
    contests = [Contest(*CASES[name], BRED, compilers, gpu) for name in names]
    for number, (name, contest) in enumerate(zip(names, contests, strict=True)):
        left, seconds = contests[number:], end - time.monotonic()
        if seconds < LEAST_SECONDS:
            yield name, {"failed": "no time was left"}
            continue
        share = (contest.size + READYING) / sum(other.size + READYING for other in left)
        try:
            for finding in contest.run(share * seconds, left[1].begin if len(left) > 1 else lambda: None):
                yield name, dict(finding)
        except Exception as error:
            yield name, {"failed": summary(error)}
        yield name, dict(attempted("record", lambda name=name, trials=contest.trials: keep(name, trials)))


def keep(name: str, trials: Sequence[Trial]) -> Row:
    """Write the trials as a T4 file beside the results."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"gpu {name}.t4.json".replace(" ", "_")
    file.write_text(json.dumps(document(trials, provenance())) + "\n")
    return {}


def provenance() -> Mapping[str, Any]:
    """Which GPU, under which driver, at which clocks, when; `machine` has the versions."""
    import torch

    gpu = dict(next(iter(Triton(None).states()), {}))
    return {"gpu": gpu, "cuda": torch.version.cuda, "date": now(), "machine": fingerprint()}


def rooflines(gpu: Worker) -> Row:
    roof = gpu.run(Rooflines(), READY_SECONDS)
    return {"bytes a second": roof.bytes_per_second, "flops a second": roof.flops_per_second}


def finished(found: Sequence[Row]) -> Iterator[Row]:
    """The rows with what follows from several of their figures."""
    rates = [row["bytes a second"] for row in found if "bytes a second" in row]
    for row in found:
        if rates and "microseconds" in row:
            rate = CASES[row["case"]][0].bytes / (1e-6 * row["microseconds"])
            row = {**row, "of the copy rate": rate / rates[0]}
        yield row
    products = [row["of PyTorch"] for row in found if row["case"].startswith("matmul") and "of PyTorch" in row]
    if products:
        yield {"case": "matmul, geometric mean", "of PyTorch": statistics.geometric_mean(products)}


def main() -> int:
    start = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=list(CASES), help="this one alone; may be repeated")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="from the start, for all cases (%(default)s)")
    call = parser.parse_args()
    try:
        of_this_machine(present())
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    import torch  # noqa: F401 - its files are in memory then, when many processes load them at once

    found: dict[str, Row] = {}

    def learn(case: str, finding: Row) -> None:
        if not finding:
            return
        print(json.dumps({"case": case, **finding}), flush=True)
        found[case] = {"case": case, **found.get(case, {}), **finding}
        write("gpu", list(finished(list(found.values()))))

    with (
        accelerator.one_of(Triton(None).devices()[:1]),
        closing(Local(max(1, available_cores() - 2), COMPILER_BYTES)) as compilers,
        closing(Worker(PRELOAD)) as gpu,
    ):
        compilers.start(PRELOAD)
        learn("roofline", dict(attempted("roofline", lambda: rooflines(gpu))))
        for case, finding in rows(call.case or list(CASES), start + call.seconds, compilers, gpu):
            learn(case, finding)
    report("gpu", "Triton kernels on this GPU", list(finished(list(found.values()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
