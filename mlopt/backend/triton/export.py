"""The best configuration as files that need PyTorch and Triton, and nothing of mlopt."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from ...core.standalone import copy_reference
from ...protocols import PortableWorkload, Workload
from .kernel_file import as_decorators_take_it
from .program import TritonProgram
from .rewritten import RewrittenProgram

RERUN = ("rerun.py", "mended.py", "played.py")
"""What runs the kernel there, as it is here."""


def export(workload: Workload, program: TritonProgram | RewrittenProgram, directory: Path) -> None:
    """Write kernel.py, config.json, rerun.py, record.json and the reference into `directory`; given.py if rewritten.

    What a user's file imports of its folder lies beside it there, too.

    `triton.Config(**json.load(open("config.json")))` is the configuration as Triton's decorators take it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kernel.py").write_text(program.source.text)
    if isinstance(program, RewrittenProgram):
        (directory / "given.py").write_text(program.given.text)
    for place, text in program.source.beside:
        (directory / place).parent.mkdir(parents=True, exist_ok=True)
        (directory / place).write_text(text)
    arguments = as_decorators_take_it(program.config)
    (directory / "config.json").write_text(json.dumps(arguments, indent=2) + "\n")
    (directory / "optimized.mlir").write_text(program.ir)
    copy_reference(workload.reference_files, directory)
    for name in RERUN:
        shutil.copyfile(Path(__file__).with_name(name), directory / name)
    record = {
        "workload": workload.name,
        "kernel": program.source.kernel,
        "inputs": [asdict(spec) for spec in workload.operands],
        "outputs": [asdict(spec) for spec in workload.outputs],
        "parameters": dict(workload.parameters),
        "portable": isinstance(workload, PortableWorkload),
        "schedule": dict(program.config),
        "small": [
            {"inputs": [asdict(spec) for spec in small.operands], "parameters": dict(small.parameters)}
            for small in program.small()
        ],
    }
    (directory / "record.json").write_text(json.dumps(record, indent=2) + "\n")
