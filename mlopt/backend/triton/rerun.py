"""Run the kernel in this folder in the configuration of config.json, check the result, print the seconds of a call.

Needs numpy, PyTorch and Triton. Without a GPU the kernel is interpreted on small sizes, in float32 where it is made
for bfloat16 and in float16 where it is made for fp8, with which Triton's interpreter cannot compute; its seconds then
mean nothing.
Exit code 0 when the result is right, 1 when it is wrong, 2 where nobody can tell, since the interpreter does not know
all that kernels are made of.
"""

import contextlib
import importlib
import inspect
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

import triton

HERE = Path(__file__).resolve().parent
CUDA = torch.cuda.is_available()
"""Whether there is a GPU, which is played otherwise."""
BITS = {torch.bfloat16: (torch.int16, np.uint16), torch.float8_e4m3fn: (torch.uint8, np.uint8)}
"""Dtypes that numpy does not know: whole numbers of their size, PyTorch's and those that references take for bits."""
INTERPRETED = {torch.bfloat16: torch.float32, torch.float8_e4m3fn: torch.float16}
"""What the interpreter computes with instead."""
REPETITIONS = 100
SCRATCH_BYTES = 1 << 30
"""More than the second cache of any GPU holds, and so much that to fill it takes longer than to launch a kernel."""


def launcher(
    config: Mapping[str, Any], kernel: str | None, known: Mapping[str, Any]
) -> Callable[..., Sequence[torch.Tensor]]:
    """The file's launcher in this configuration, given as `triton.Config` takes it; what it asks for is in `known`.

    Of several kernels under `triton.autotune` the configuration is that of `kernel`, or of all.
    """
    module = importlib.import_module("kernel")
    for name, value in list(vars(module).items()):
        while isinstance(value, triton.runtime.Heuristics):
            value = value.fn
        if isinstance(value, triton.runtime.Autotuner):
            chosen = triton.Config(**config)
            chosen.pre_hook = max(value.configs, key=lambda given: common(chosen, given)).pre_hook
            value.configs = [chosen if kernel in (None, name) else value.configs[0]]
    flat = {**config["kwargs"], **{name: value for name, value in config.items() if name != "kwargs"}}
    count = torch.cuda.get_device_properties(0).multi_processor_count if CUDA else 3
    given = {"config": flat, "multiprocessors": count, **known}
    taken = inspect.signature(module.launch).parameters
    own = {name: value for name, value in given.items() if name in taken}

    def call(*inputs: torch.Tensor) -> Sequence[torch.Tensor]:
        outputs = module.launch(*inputs, **own)
        return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)

    return call


def common(one: triton.Config, other: triton.Config) -> int:
    """What two configurations say alike."""
    said = one.all_kwargs()
    return sum(said.get(name) == value for name, value in other.all_kwargs().items())


def drawn(rng: np.random.Generator, shape: Sequence[int], dtype: str) -> torch.Tensor:
    """Normally distributed numbers, rounded to the dtype."""
    return torch.from_numpy(np.asarray(rng.standard_normal(shape), np.float32)).to(getattr(torch, dtype))


def fit(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """On the device, in a dtype that it can compute with."""
    return tensor.to(INTERPRETED.get(tensor.dtype, tensor.dtype)) if device == "cpu" else tensor.to(device)


def as_array(tensor: torch.Tensor) -> Any:
    """numpy's array of a tensor; of a dtype that numpy does not know, its bits."""
    tensor = tensor.cpu()
    if tensor.dtype not in BITS:
        return tensor.numpy()
    theirs, ours = BITS[tensor.dtype]
    return tensor.view(theirs).numpy().view(ours)


def expectation(expected: Any, inputs: Sequence[torch.Tensor], parameters: Any, portable: bool) -> Any:
    """The results and the errors allowed: computed where the inputs are, if that can be, else by numpy."""
    if portable:
        with contextlib.suppress(RuntimeError):  # such as no room, or tensors of a user's that are elsewhere
            return expected.reference(*inputs, **parameters), expected.tolerance(*inputs, **parameters)
    arrays = [as_array(tensor) for tensor in inputs]
    return expected.reference(*arrays, **parameters), expected.tolerance(*arrays, **parameters)


def seconds(call: Callable[[], object]) -> float:
    """The median of calls that find the caches filled with something else, by the GPU's clock if there is one."""
    if not CUDA:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    scratch = torch.empty(SCRATCH_BYTES, dtype=torch.int8, device="cuda")
    samples = []
    for _ in range(REPETITIONS):
        scratch.zero_()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        begin.record()
        call()
        end.record()
        samples.append((begin, end))
    torch.cuda.synchronize()
    return float(statistics.median(begin.elapsed_time(end) / 1e3 for begin, end in samples))


def main() -> int:
    sys.path.insert(0, str(HERE))
    if CUDA:
        return run("cuda")
    importlib.import_module("mended").mend()
    played = importlib.import_module("played")
    with played.playing(played.Played()):
        return run("cpu")


def run(device: str) -> int:
    record = json.loads((HERE / "record.json").read_text())
    config = json.loads((HERE / "config.json").read_text())
    expected = importlib.import_module("reference")
    cases = [record] if device == "cuda" else record["small"]
    rng, taken = np.random.default_rng(0), []
    for case in cases:
        parameters = case["parameters"]
        call = launcher(config, record["kernel"], {"workload": record["workload"], **parameters})
        if hasattr(expected, "inputs"):
            inputs = [fit(tensor, device) for tensor in expected.inputs(**parameters)]
        else:
            inputs = [fit(drawn(rng, **spec), device) for spec in case["inputs"]]
        try:
            outputs = call(*inputs)
        except Exception as failure:
            if device == "cpu" and (what := importlib.import_module("mended").unknown(failure)):
                print(f"without a GPU this kernel cannot be run: {what}")
                return 2
            raise
        values, errors = expectation(expected, inputs, parameters, record["portable"])
        for output, value, error in zip(outputs, values, errors, strict=True):
            exact, allowed = (torch.as_tensor(each, device=device) for each in (value, error))
            if output.shape != exact.shape or not bool(((output.double() - exact).abs() <= allowed).all()):
                print("wrong result")
                return 1
        taken.append(seconds(lambda call=call, inputs=inputs: call(*inputs)))  # type: ignore[misc]
    print(f"{max(taken):.9f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
