"""mlopt from Python: a study as a call, and its best kernel as a function."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .core.errors import UserError

RUN_DIR, RESUME = "hydra.run.dir", "resume"


@dataclass(frozen=True, slots=True)
class Tuned:
    """A study that has ended."""

    directory: Path
    result: Mapping[str, Any]
    """The content of `result.json`."""

    @property
    def seconds(self) -> float | None:
        """What a call of the best kernel takes; None where nothing was run."""
        seconds: float | None = self.result["best"].get("seconds")
        return seconds

    @property
    def schedule(self) -> Mapping[str, Any]:
        """The decisions of the best schedule."""
        schedule: Mapping[str, Any] = self.result["best"]["schedule"]
        return schedule

    def load(self) -> Kernel:
        """The best kernel; see `load`."""
        return load(self.directory)


def tune(*words: str, **settings: Any) -> Tuned:
    """Run one study: `tune("search=bayes", workload="matmul", **{"workload.m": 512, "budget.trials": 50})`.

    `words` are those of the command line, and `settings` the same by name; `resume="DIR"` goes on with a study. A
    script that calls this needs the usual `if __name__ == "__main__":`, since workers import it. Raises UserError for a
    mistake in the call, RuntimeError where the study found no valid schedule or failed, KeyboardInterrupt after Ctrl-C.
    """
    from .cli.compose import word
    from .cli.run import run

    for each in words:
        key = each.partition("=")[0]
        if key in (RUN_DIR, RESUME):
            raise UserError(f"give the folder by name: tune(..., **{{'{key}': 'FOLDER'}})")
        if key.startswith("-"):
            raise UserError(f"tune runs one study, and takes no flags such as {each}")
    now = datetime.now()
    new = settings.pop(RUN_DIR, None) or Path("outputs", f"{now:%Y-%m-%d}", f"{now:%H-%M-%S-%f}")
    old = settings.pop(RESUME, None)
    directory = Path(new if old is None else old)
    settings[RUN_DIR if old is None else RESUME] = str(directory)
    code = run([*words, *(word(key, value) for key, value in settings.items())])
    if code == 2:
        raise UserError(f"the study could not go on; see {directory / 'mlopt.log'}")
    if code:
        raise RuntimeError(f"the study in {directory} ended with exit code {code}; see its mlopt.log")
    return Tuned(directory, json.loads((directory / "result.json").read_text()))


class Kernel:
    """A kernel as a function of numpy arrays or PyTorch tensors (on the CPU, contiguous): it gives back what it got.

    `inputs` and `outputs` are the shapes and dtypes of what it takes and gives.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self.inputs: list[tuple[tuple[int, ...], Any]] = function.inputs
        self.outputs: list[tuple[tuple[int, ...], Any]] = function.outputs

    def __call__(self, *inputs: Any) -> Any:
        """The output, or a tuple of them. Raises TypeError or ValueError for what the kernel does not take."""
        if not any(hasattr(each, "data_ptr") for each in inputs):
            return self._function(*inputs)
        from .core.tensors import to_numpy, to_torch  # loads PyTorch, which is loaded already

        found = self._function(*(to_numpy(each.detach()) if hasattr(each, "data_ptr") else each for each in inputs))
        return tuple(map(to_torch, found)) if isinstance(found, tuple) else to_torch(found)


def load(directory: str | os.PathLike[str]) -> Kernel:
    """The best kernel of the study in `directory`, or the kernel that `mlopt export` has written there.

    A study's kernel is compiled and verified the first time, and kept in its folder `export`. Raises UserError where
    there is none, RuntimeError where it does not come out right or does not run on this machine.
    """
    from .cli.export import FOLDER, MANIFEST, publish
    from .core.errors import CompileError, WrongResult
    from .core.trial import WorkerLost

    folder = Path(directory)
    if not (folder / MANIFEST).is_file():
        folder = folder / FOLDER
        if not _is_current(folder):
            try:
                publish(folder.parent, folder)
            except (CompileError, WrongResult, WorkerLost) as error:
                raise RuntimeError(f"the kernel does not come out right: {error}") from error
    loaders = sorted(file for file in folder.glob("*.py") if file.with_suffix(".json").is_file())
    if not loaders:
        raise UserError(f"{folder} holds no kernel for Python")
    spec = importlib.util.spec_from_file_location(f"mlopt_kernel_{loaders[0].stem}", loaders[0])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Kernel(module.load())


def _is_current(export: Path) -> bool:
    """Whether an export holds what its study found best."""
    try:
        written = json.loads((export / "best" / "record.json").read_text())["best"]["schedule"]
        found = json.loads((export.parent / "result.json").read_text())["best"]["schedule"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return bool(written == found)
