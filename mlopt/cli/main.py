"""The `mlopt` command: finds out what is asked for, and imports only what that needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..core.errors import UserError
from .errors import complain, lacking, suggest
from .interruption import exit_code, in_words, sigterm_heeded

COMMANDS = (
    "archive",
    "check-plugin",
    "compare",
    "completion",
    "dataset",
    "doctor",
    "export",
    "list",
    "report",
    "residual",
    "sync",
    "t4",
    "train",
    "ui",
)
HELP = """\
mlopt finds the fastest way to compile a kernel, and proves it.

  mlopt [GROUP=OPTION] [KEY=VALUE]...   run one study
  mlopt -m GROUP=A,B KEY=1,2            run a study for each combination, and compare them
  mlopt resume=DIR [KEY=VALUE]...       go on with a study that was interrupted, or with a larger budget
  mlopt -m ... sweep.resume=DIR         go on with a sweep that was interrupted, by the words of before
  mlopt compare DIR... [--out DIR]      compare the studies in these folders
  mlopt compare --mlflow QUERY          compare the studies that a query of MLflow finds
  mlopt compare --against DIR           exit 1 if the best kernel of a study is no longer as fast as it was
  mlopt report DIR [--out DIR]          explain the study in a folder, on one page
  mlopt list [GROUP]                    show every option of every group
  mlopt doctor                          say what works on this machine and what does not, each with its mend
  mlopt export DIR [--to DIR]           write a study's best kernel as a library for C and Python
  mlopt t4 DIR [--to FILE]              write a study's trials as a T4 file (by default DIR/t4.json)
  mlopt dataset DIR... [--to FILE]      write decisions, features of the IR and times as Parquet
  mlopt residual DIR... --to FILE       learn what simulation misses, from studies or the archive
  mlopt train [KEY=VALUE]...            train a policy for search=ppo on many programs; resume=DIR goes on with one
  mlopt archive list|prune|export|merge see, thin out, export and join what was ever measured
  mlopt check-plugin PACKAGE            whether a plugin keeps what its kind promises
  mlopt completion bash|zsh|fish        what a shell needs to complete all of this: eval "$(mlopt completion bash)"
  mlopt ui                              open the MLflow UI on the studies
  mlopt sync DIR...                     send to MLflow what could not be sent while these studies or sweeps ran

Groups, whose options mlopt list shows:
  workload      what is computed
  backend       what compiles it
  target        the machine that it is compiled for, and simulated on
  search        what proposes the ways to compile it
  evaluator     what judges a program: running it, simulating it, or both
  executor      where programs are compiled and judged: here, or on a cluster
  tracker       where the study is mirrored
  experiment    ready-made studies

Keys: budget.trials, budget.seconds, seed, hydra.run.dir (where the study writes; outputs/DATE/TIME by default), and
each option's own, which --cfg job shows.

Examples:
  mlopt workload=matmul workload.m=1024 budget.trials=100
  mlopt -m workload=softmax search=random,evolve,bayes 'seed=range(5)' budget.trials=60
  mlopt workload=mlir_file workload.path=kernel.mlir evaluator=cascade

  --cfg job        print the configuration instead of running it
  --version        print the version
  --help           print this
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 done, 2 the user's mistake, 3 no valid schedule, 130 Ctrl-C, 143 SIGTERM."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with sigterm_heeded():
            return _dispatch(words)
    except UserError as error:
        complain(error)
        return 2
    except ModuleNotFoundError as error:
        complain(lacking(error))
        return 2
    except KeyboardInterrupt as error:
        complain(in_words(error))
        return exit_code(error)
    except BrokenPipeError:  # nobody reads on, as in `mlopt list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is flushed at the exit
        return 1


def _dispatch(words: list[str]) -> int:
    if "--help" in words or "-h" in words:
        print(HELP, end="")
        return 0
    if "--version" in words:
        print(f"mlopt {__version__}")
        return 0
    match words:
        case ["check-plugin", *rest]:
            from .check_plugin import check_plugin

            return check_plugin(rest)
        case ["completion", *rest]:
            from .completion.command import completion

            return completion(rest, COMMANDS)
        case ["list", *rest]:
            from .list import list_options

            return list_options(rest)
        case ["dataset", *rest]:
            from .dataset import dataset

            return dataset(rest)
        case ["doctor", *rest]:
            from .doctor import doctor

            return doctor(rest)
        case ["compare", *rest]:
            from .compare import compare_folders

            return compare_folders(rest)
        case ["report", *rest]:
            from .report import report

            return report(rest)
        case ["export", *rest]:
            from .export import export

            return export(rest)
        case ["t4", *rest]:
            from .t4 import write_t4

            return write_t4(rest)
        case ["archive", *rest]:
            from .archive import archive

            return archive(rest)
        case ["residual", *rest]:
            from .residual import residual

            return residual(rest)
        case ["sync", *rest]:
            from .sync import sync

            return sync(rest)
        case ["train", *rest]:
            from .train import train

            return train(rest)
        case ["ui", *rest]:
            from .ui import ui

            return ui(rest)
        case [word, *_] if word[:1] not in "-+~" and "=" not in word:
            raise UserError(f"unknown command '{word}'{suggest(word, COMMANDS)}")
    from .run import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
