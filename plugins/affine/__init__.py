from dataclasses import dataclass
from pathlib import Path

from mlopt.backend.mlir.backend import Mlir


@dataclass(frozen=True)
class Affine(Mlir):
    """Compiles by passes on affine loops: each schedule is a pipeline of those that `passes.yaml` lists."""

    threads: int = 1
    pipeline_space: str = str(Path(__file__).with_name("passes.yaml"))
