"""Triton kernels on the GPU of this machine, within ten minutes: as fast as the vendor's, and as simulated?

For each case configurations are drawn uniformly and bred, compiled and simulated, checked as in a study (`exact.py`)
and timed; the best meets PyTorch and the pick of Triton's own autotuner (`gpu_contest.py`). What was measured is kept
as recorded spaces (T4) with its provenance. A case that fails is a row that says why.
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

from gpu_contest import READY_SECONDS, Contest
from gpu_works import Rooflines
from report import RESULTS, report

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
    return Attention(heads=16, kv_heads=16, head_dim=128, dtype="bf16", seq=seq, kv_seq=seq)


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

SECONDS = 540.0
"""For all cases, shared out by the number of their configurations."""

PRELOAD = ("torch", "triton", "gpu_contest", *Triton(None).preload)

Row = dict[str, Any]


def keep(name: str, trials: Sequence[Trial]) -> None:
    """The trials as a T4 file beside the results."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"gpu {name}.t4.json".replace(" ", "_")
    file.write_text(json.dumps(document(trials, provenance())) + "\n")


def provenance() -> Mapping[str, Any]:
    """Which GPU, under which driver, at which clocks, when; `machine` has the versions."""
    import torch

    gpu = dict(next(iter(Triton(None).states()), {}))
    return {"gpu": gpu, "cuda": torch.version.cuda, "date": now(), "machine": fingerprint()}


def rows(names: Sequence[str], seconds: float, copy_rate: float, compilers: Local, gpu: Worker) -> Iterator[Row]:
    """One after the other; what the next case draws is compiled while the GPU is at the last of this one."""
    end = time.monotonic() + seconds
    contests = [Contest(*CASES[name], BRED, compilers, gpu) for name in names]
    for number, (name, contest) in enumerate(zip(names, contests, strict=True)):
        left = contests[number:]
        share = contest.size / sum(other.size for other in left) * (end - time.monotonic())
        try:
            found = contest.run(share, left[1].begin if len(left) > 1 else lambda: None)
        except Exception as error:
            found = {"failed": summary(error)}
        keep(name, contest.trials)
        if "microseconds" in found:
            rate = CASES[name][0].bytes / (1e-6 * found["microseconds"])
            found = {**found, "of the copy rate": rate / copy_rate, "best": json.dumps(found["best"])}
        yield {"case": name, **found}


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
    found: list[Row] = []
    with (
        accelerator.one_of(Triton(None).devices()[:1]),
        closing(Local(max(1, available_cores() - 2))) as compilers,
        closing(Worker(PRELOAD)) as gpu,
    ):
        compilers.start(PRELOAD)
        roof = gpu.run(Rooflines(), READY_SECONDS)
        for row in rows(call.case or list(CASES), call.seconds, roof.bytes_per_second, compilers, gpu):
            print(json.dumps(row), flush=True)
            found.append(row)
    products = [row["of PyTorch"] for row in found if row["case"].startswith("matmul") and "of PyTorch" in row]
    if products:
        found.append({"case": "matmul, geometric mean", "of PyTorch": statistics.geometric_mean(products)})
    title = f"copy {roof.bytes_per_second / 1e12:.2f} TB/s, fp16 products {roof.flops_per_second / 1e12:.0f} TFLOP/s"
    report("gpu", title, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
