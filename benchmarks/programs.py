"""How good the kernels are that mlopt finds for programs that it has never seen; see tuning.py."""

from __future__ import annotations

from pathlib import Path

from tuning import main
from twin import Twin

from mlopt.protocols import Workload
from mlopt.workloads.torch_module.workload import TorchModule

FILES = ("gated_mlp", "separable", "rmsnorm_linear", "log_softmax", "stencil", "mean_pooling")
MODULES = {
    "GatedMlp": ((256, 768),),
    "Separable": ((1, 64, 56, 56),),
    "RmsnormLinear": ((512, 1024),),
    "Residual": ((1, 64, 56, 56),),
    "SelfAttention": ((1, 256, 512),),
    "GroupNorm": ((8, 64, 28, 28),),
    "InvertedBottleneckEnd": ((1, 96, 56, 56),),
    "Upsampling": ((1, 64, 28, 28),),
    "Mixer": ((1, 196, 256),),
    "pairwise_distances": ((256, 64), (512, 64)),
    "cross_entropy": ((1024, 1000), (1024, 1000)),
    "global_mean": ((16, 64, 56, 56),),
}

WORKLOADS: dict[str, Workload] = {
    **{
        f"{name}.mlir": Twin(str(Path(__file__).parent / f"programs/{name}.mlir"), None, f"pytorch:{name}")
        for name in FILES
    },
    **{f"pytorch {name}": TorchModule(f"pytorch:{name}", shapes) for name, shapes in MODULES.items()},
}

if __name__ == "__main__":
    main("programs", WORKLOADS)
