"""What this machine can do at most, measured with MLIR kernels of our own.

Peak arithmetic: independent chains of fused multiply-adds that stay in registers, one loop a thread. Peak bandwidth:
the sum of an array much larger than the caches, each thread its own part, read once; and of one that fits the first
cache, read many times. All take the best of several repetitions, since a roof is what can be reached, not what usually
is (Williams, Waterman, Patterson 2009).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from ...core.cores import pinned
from ...core.fingerprint import cache_bytes
from ...protocols import Array, Roofline
from . import openmp
from .bindings import PassManager, ir, new_context
from .lowering import lowering
from .machine_code import compile_llvm
from .program import MlirKernel
from .simd import Simd, host_simd

SECONDS = 0.4
"""Time given to each of the three measurements."""

CHAINS = 10
"""Independent multiply-adds in flight: latency (4 to 5 cycles) times throughput (2 a cycle)."""

STEPS = 1 << 16

ROUNDS = 1 << 12
"""How often what lies in the first cache is read in a call: far longer than the call itself takes."""


def measure(threads: int) -> Roofline:
    """Float32 peaks on `threads` threads; takes two seconds, and needs the machine for itself."""
    simd = host_simd()
    flops = threads * STEPS * CHAINS * simd.lanes * 2
    sink = np.zeros((threads, CHAINS * simd.lanes), np.float32)
    caches = cache_bytes()
    # Four times the last cache, so that what stays in it from one repetition to the next hardly counts.
    large = _array(4 * max(caches.values(), default=1 << 25), simd, threads)
    # Half of the first cache, which has other things to hold.
    small = _array(threads * caches.get("L1", 1 << 15) // 2, simd, threads)
    return Roofline(
        flops_per_second=flops / _best(_arithmetic(simd, threads), threads, [sink]),
        bytes_per_second=large.nbytes / _best(_stream(simd, threads, large.size), threads, [large, sink]),
        cache_bytes_per_second=ROUNDS
        * small.nbytes
        / _best(_stream(simd, threads, small.size, ROUNDS), threads, [small, sink]),
    )


def _array(nbytes: int, simd: Simd, threads: int) -> Array:
    """Ones of about so many bytes, as many for each thread, in whole steps."""
    elements = nbytes // 4
    return np.ones(elements - elements % (threads * simd.lanes * CHAINS), np.float32)


def _best(source: str, threads: int, arrays: Sequence[Array]) -> float:
    """Seconds of the fastest call within the time given, which begins when the cores are ours."""
    context = new_context()
    with context, ir.Location.unknown(context):
        module = ir.Module.parse(source)
        PassManager.parse(lowering(threads > 1)).run(module.operation)
        engine = compile_llvm(module, 3, [openmp.library_path()] if threads > 1 else [])
    kernel = MlirKernel(engine, "peak", threads if threads > 1 else 0)
    call = kernel.bind(arrays, [])

    def seconds() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    seconds()
    with pinned():
        end, best = time.perf_counter() + SECONDS, seconds()
        while time.perf_counter() < end:
            best = min(best, seconds())
    kernel.rest()
    return best


def _arithmetic(simd: Simd, threads: int) -> str:
    vector, chains = f"vector<{simd.lanes}xf32>", range(CHAINS)
    return _kernel(
        simd,
        threads,
        arguments="",
        bounds="%c0 to %steps step %c1",
        body="\n".join(f"%next{i} = vector.fma %factor, %factor, %x{i} : {vector}" for i in chains),
        constants=f"%steps = arith.constant {STEPS} : index\n%factor = arith.constant dense<0.5> : {vector}",
    )


def _stream(simd: Simd, threads: int, elements: int, rounds: int = 1) -> str:
    vector, chains = f"vector<{simd.lanes}xf32>", range(CHAINS)
    loads = [
        f"%at{i} = arith.addi %j, %offset{i} : index\n"
        f"%v{i} = vector.load %data[%at{i}] : memref<{elements}xf32>, {vector}\n"
        f"%next{i} = arith.addf %x{i}, %v{i} : {vector}"
        for i in chains
    ]
    offsets = [f"%offset{i} = arith.constant {i * simd.lanes} : index" for i in chains]
    return _kernel(
        simd,
        threads,
        arguments=f"%data: memref<{elements}xf32>, ",
        rounds=rounds,
        bounds="%first to %last step %stride",
        body="\n".join(loads),
        constants="\n".join(offsets)
        + f"""
        %share = arith.constant {elements // threads} : index
        %stride = arith.constant {simd.lanes * CHAINS} : index
        %first = arith.muli %t, %share : index
        %last = arith.addi %first, %share : index""",
    )


def _kernel(
    simd: Simd, threads: int, *, arguments: str, bounds: str, body: str, constants: str, rounds: int = 1
) -> str:
    """A loop over threads around rounds of a loop that carries CHAINS vectors, %x0.. to %next0.., stored last."""
    vector, chains = f"vector<{simd.lanes}xf32>", range(CHAINS)
    sink = f"memref<{threads}x{CHAINS * simd.lanes}xf32>"
    before = ", ".join(f"%y{i} = %zero" for i in chains)
    carried = ", ".join(f"%x{i} = %y{i}" for i in chains)
    stores = [
        f"%to{i} = arith.constant {i * simd.lanes} : index\nvector.store %sum#{i}, %sink[%t, %to{i}] : {sink}, {vector}"
        for i in chains
    ]
    types = ", ".join([vector] * CHAINS)
    return f"""
    func.func @peak({arguments}%sink: {sink}) attributes {{ llvm.emit_c_interface }} {{
      scf.forall (%t) in ({threads}) {{
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %zero = arith.constant dense<1.0> : {vector}
        {constants}
        %rounds = arith.constant {rounds} : index
        %sum:{CHAINS} = scf.for %round = %c0 to %rounds step %c1 iter_args({before}) -> ({types}) {{
          %part:{CHAINS} = scf.for %j = {bounds} iter_args({carried}) -> ({types}) {{
            {body}
            scf.yield {", ".join(f"%next{i}" for i in chains)} : {types}
          }}
          scf.yield {", ".join(f"%part#{i}" for i in chains)} : {types}
        }}
        {chr(10).join(stores)}
      }}
      return
    }}"""
