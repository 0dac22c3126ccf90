"""The best kernel as files that need numpy and the build of MLIR that made it, and nothing of mlopt."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from ...core.schedule import Schedule
from ...core.standalone import copy_reference
from ...protocols import Workload
from .driver.recipe import Driver, Recipe

RERUN = Path(__file__).with_name("rerun.py")


def export(workload: Workload, schedule: Schedule, recipe: Recipe, driver: Driver, directory: Path) -> None:
    """Write payload.mlir, schedule.mlir, optimized.mlir, rerun.py, record.json and the reference into `directory`.

    Constants that are arguments of the program are .npy files beside them.
    """
    program = driver.build(recipe)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "payload.mlir").write_text(recipe.text)
    (directory / "schedule.mlir").write_text(recipe.script_text())
    (directory / "optimized.mlir").write_text(program.ir)
    copy_reference(workload.reference_files, directory)
    shutil.copyfile(RERUN, directory / "rerun.py")
    parameters = dict(workload.parameters)
    if "constants" in parameters:
        parameters["constants"] = [_copy(file, directory) for file in parameters["constants"]]
    record = {
        "entry": program.entry,
        "inputs": [asdict(spec) for spec in workload.operands],
        "constants": [_copy(file, directory) for file in program.constants],
        "outputs": [asdict(spec) for spec in workload.outputs],
        "parameters": parameters,
        "schedule": schedule.values(),
        "pipeline": recipe.lowering,
        "level": recipe.level,
        "threads": max(1, recipe.threads),
        **driver.record(recipe),
    }
    (directory / "record.json").write_text(json.dumps(record, indent=2) + "\n")


def _copy(file: str, directory: Path) -> str:
    """Put a constant's file into `directory`; returns its name."""
    shutil.copyfile(file, directory / Path(file).name)
    return Path(file).name
