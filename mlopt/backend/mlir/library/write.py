"""A kernel as files for C and Python programs."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from string import Template

from .... import __version__
from ....core.schedule import Schedule
from ....protocols import Workload
from .. import openmp
from ..dialect import Asked
from ..program import MlirProgram
from . import example
from .compile import ObjectCode, PointerKernel, compile_object
from .features import host_features
from .link import link
from .signature import BITS, COMPLEX_PARTS, REAL_TYPES, Signature
from .symbols import symbol_for

HERE = Path(__file__).parent
RUNTIME = "an OpenMP runtime with LLVM's interface (libomp or Intel's libiomp5; GCC's libgomp has another)"
MEMORY = """Temporaries come from malloc;
 * see example.c on how to have glibc keep them, instead of asking the system for large ones in every call."""
ALIGNMENT = 64
"""Bytes: where arrays began when the kernel was measured."""
ALIGNED = """Outputs must begin at a multiple of {} bytes, for they are stored past the caches; elsewhere the program
 * crashes. For inputs any alignment will do that suits the type of the elements."""
UNALIGNED = "An alignment that suits the type of the elements will do; the time was taken with {} bytes."
TEMPLATES = HERE / "templates"


@dataclass(frozen=True)
class MlirLibrary:
    """One schedule's kernel as object code, with all that goes with it."""

    workload: Workload
    signature: Signature
    schedule: Schedule
    code: ObjectCode

    def load(self) -> PointerKernel:
        return self.code.load()

    def write(self, directory: Path, origin: str) -> Sequence[str]:
        name = self.signature.symbol
        compiled, library = directory / f"{name}.o", directory / f"lib{name}.so"
        self.code.write(compiled)
        reason = link(compiled, library)
        fields = self._fields(origin)
        for template, file in (("header.h", f"{name}.h"), ("example.c", "example.c"), ("README.md", "README.md")):
            (directory / file).write_text(Template((TEMPLATES / template).read_text()).substitute(fields))
        shutil.copyfile(HERE / "loader.py", directory / f"{name}.py")
        (directory / f"{name}.json").write_text(json.dumps(self._facts(origin), indent=2) + "\n")
        return [f"{reason}, so there is no {library.name}; README.md says how to make it"] if reason else []

    def _facts(self, origin: str) -> dict[str, object]:
        """What the loader must know."""
        return {
            "name": self.signature.symbol,
            "origin": origin,
            "inputs": [asdict(spec) for spec in self.workload.operands],
            "outputs": [asdict(spec) for spec in self.workload.outputs],
            "threads": self.code.threads,
            "allocates": self.code.allocates,
            "output_alignment": ALIGNMENT if self.code.streams else 1,
            "machine": platform.machine(),
            "cpu_features": host_features(),
            "schedule": self.schedule.values(),
            "made_by": f"mlopt {__version__}",
        }

    def _fields(self, origin: str) -> dict[str, str]:
        """What the templates' placeholders stand for."""
        signature, threads = self.signature, self.code.threads
        name, runtime = signature.symbol, Path(openmp.library_path()) if threads > 1 else None
        linked = f" {quote(str(runtime))} {quote(f'-Wl,-rpath,{runtime.parent}')}" if runtime else ""
        commands = [f"{cc} -O2 -o example example.c {name}.o{linked} -lm" for cc in ("gcc", "clang")]
        inputs = ", ".join(argument.name for argument in signature.inputs)
        outputs = ", ".join(argument.name for argument in signature.outputs)
        return {
            "name": name,
            "workload": self.workload.name,
            "origin": origin.replace("*/", "* /"),  # for it stands in comments
            "layouts": "\n".join(f" *   {argument.layout}" for argument in signature.arguments),
            "threads": f"{threads}, of {RUNTIME}" if runtime else "the caller's alone",
            "memory": MEMORY if self.code.allocates else "It allocates no memory.",
            "alignment": ALIGNED.format(ALIGNMENT) if self.code.streams else UNALIGNED.format(ALIGNMENT),
            "machine": platform.machine(),
            "features": " ".join(host_features()),
            "includes": _includes(signature),
            "declaration": signature.declaration,
            "needs": (
                f"The function needs libc, libm and {RUNTIME}. It runs on {threads} threads. "
                "Each should stay on a core of its own, as in the study (OMP_PROC_BIND=true, which example.c sets): "
                "beside other work, a small kernel is several times as slow otherwise."
                if runtime
                else "The function needs libc and libm, and no other thread than the caller's."
            ),
            "linked": linked,
            "build": "\n".join(f"    {command}" for command in commands),
            "build_comment": "\n".join(f" *     {command}" for command in commands),
            "python_needs": " and such a runtime (`pip install intel-openmp`)" if runtime else "",
            **example.fields(self.workload, signature),
            "python_call": f"{outputs} = kernel({inputs})",
        }


def compile_library(
    workload: Workload,
    schedule: Schedule,
    program: MlirProgram,
    lowering: str,
    threads: int,
    name: str | None,
    driver: Asked | None = None,
) -> MlirLibrary:
    """The library of one schedule's program; its function is called `name`, or else like the program's entry point.

    `lowering` is the pass pipeline to a function that takes plain pointers; `driver` carries it out, by default the
    bindings.

    Raises UserError for what cannot be a function of C, and CompileError.
    """
    signature = Signature.of(workload, symbol_for(program.entry, name))
    code = compile_object(program.ir, signature.symbol, threads, lowering, driver)
    return MlirLibrary(workload, signature, schedule, code)


def _includes(signature: Signature) -> str:
    """The headers of the types that C does not have by itself, and complex types that C and C++ both understand."""
    kinds = sorted({argument.spec.dtype for argument in signature.arguments})
    types = {REAL_TYPES.get(kind, "") for kind in kinds}
    headers = {"stdbool.h": "bool" in types, "stdint.h": any(each.endswith("_t") for each in types)}
    text = "".join(f"#include <{header}>\n" for header, needed in headers.items() if needed)
    text += "\n" if text else ""
    text += "".join(f"/* A uint16_t holds the bits of a {kind}: {BITS[kind]}. */\n\n" for kind in kinds if kind in BITS)
    if numbers := [(f"mlopt_{kind}", REAL_TYPES[COMPLEX_PARTS[kind]]) for kind in kinds if kind in COMPLEX_PARTS]:
        cpp = "".join(f"typedef std::complex<{part}> {kind};\n" for kind, part in numbers)
        c = "".join(f"typedef {part} _Complex {kind};\n" for kind, part in numbers)
        text += f"#ifdef __cplusplus\n#include <complex>\n{cpp}#else\n{c}#endif\n\n"
    return text
