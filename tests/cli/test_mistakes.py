"""Whatever is wrong with a call costs one plain line that names the nearest right thing, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("search=tyo", "search has no option 'tyo'; did you mean 'toy'?"),
        ("tracker=zzz", "tracker has no option 'zzz'; choose from mlflow, none, toy"),
        ("search=[toy,tyo]", "search has no option '['toy', 'tyo']'; choose from"),
        ("hydra/launcher=basc", "hydra/launcher has no option 'basc'; did you mean 'basic'?"),
        ("experiment=quick", "experiment has no option 'quick'; choose from replay"),
        ("target=avx3", "target has no option 'avx3'; did you mean 'avx2'?"),
        ("resume=outputs/old", "there is no folder outputs/old"),
        ("-m resume=outputs/old", "resume=DIR goes on with one study: leave out -m"),
        ("serach=toy", "the configuration has no key 'serach'; did you mean 'search'?"),
        ("budget.trails=3", "budget has no key 'trails'; did you mean 'trials'?"),
        ("workload.siez=5", "workload has no key 'siez'; did you mean 'size'?"),
        ("workload.zzz=5", "workload has no key 'zzz'; choose from kind, note, shape, size"),
        ("hydra.rnu.dir=x", "hydra has no key 'rnu'; did you mean 'run'?"),
        ("+workload.siez=5", "workload has no key 'siez'; did you mean 'size'?"),
        ("+bugdet.trials=3", "the configuration has no key 'bugdet'; did you mean 'budget'?"),
        ("seed=[1,", "cannot read 'seed=[1,' as KEY=VALUE"),
        ("evolve", "cannot read 'evolve' as KEY=VALUE"),
        ("search=toy,none", "'search=toy,none' is a sweep: add -m, or quote the value"),
        ("workload.size=abc", "workload.size=abc should be a valid integer"),
        ("workload.size=7", "seven is taken"),
        ("workload.size=???", "workload.size has no default: give it as workload.size=VALUE"),
        ("workload.size=${sed}", "Interpolation key 'sed' not found"),
        ("hydra.run.dir=${sed}", "Interpolation key 'sed' not found"),
        ("hydra.run.dir=/proc/nowhere", "[Errno 2] No such file or directory: '/proc/nowhere'"),
        ("budget.trials=0", "budget.trials=0 leaves nothing to try; it must be positive"),
        ("budget=null", "a study needs a budget; see mlopt --help"),
        ("~search", "a study needs a search; see mlopt --help"),
        ("seed=-1", "seed=-1 is not a whole number from 0 up"),
        ("--mutlirun", "unrecognized arguments: --mutlirun; see mlopt --help"),
        ("--multi", "unrecognized arguments: --multi; see mlopt --help"),
        ("-m seed=1,2 --cfg job", "--cfg prints the configuration of one study: leave out -m"),
        ("seed=1,2 --cfg job", "'seed=1,2' is a sweep: add -m, or quote the value"),
        ("--package budget", "--package and --resolve say what --cfg prints: add --cfg job"),
        ("--resolve", "--package and --resolve say what --cfg prints: add --cfg job"),
        ("--cfg job --package budget.trails", "budget has no key 'trails'; did you mean 'trials'?"),
        ("--cfg job --package hydra", "the configuration has no key 'hydra'; choose from archive, backend, budget"),
        ("--cfg jbo", "argument --cfg/-c: invalid choice: 'jbo' (choose from"),
        ("--cfg", "argument --cfg/-c: expected one argument; see mlopt --help"),
        ("-m search=toy,tyo", "search has no option 'tyo'; did you mean 'toy'?"),
        ("-m seed=1,x", "seed=x is not a whole number from 0 up"),
        ("-m seed=1,2 hydra.sweep.subdir=x", "2 studies would write to outputs/"),
        ("-m seed=interval(0,1)", "'seed=interval(0,1)' is an interval; a sweep needs single values"),
    ],
)
def test_one_line_and_exit_code_2(tune: Command, study: Any, words: str, line: str) -> None:
    answer = tune(*words.split())
    assert answer.err.startswith(f"mlopt: {line}"), answer.err
    assert answer.err.count("\n") == 1
    assert answer.code == 2
    assert answer.out == ""
    assert not study.made
    assert not Path("outputs").exists()


@pytest.mark.parametrize("text", ["# broken\n_target_: [", "# no mapping\n- 1\n"])
def test_a_plugin_with_a_broken_file_is_a_mistake(tune: Command, drop_in: Callable[..., Path], text: str) -> None:
    drop_in("broken", {"search/broken": text})
    answer = tune("search=broken")
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("words", "folder", "key"),
    [
        ("hydra.run.dir=old", "old", "hydra.run.dir"),
        ("-m seed=1,2 hydra.sweep.dir=old", "old/1", "hydra.sweep.dir"),
        ("-m seed=1,2 hydra.sweep.dir=old hydra.sweep.subdir=s${seed}", "old/s2", "hydra.sweep.dir"),
        ("experiment=both hydra.sweep.dir=old", "old/1", "hydra.sweep.dir"),
    ],
)
def test_a_folder_that_holds_a_study_stays_as_it_is(
    tune: Command, study: Any, drop_in: Callable[..., Path], words: str, folder: str, key: str
) -> None:
    sweep = "# @package _global_\n# both\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 4,5\n"
    drop_in("lab", {"experiment/both": sweep})
    Path(folder).mkdir(parents=True)
    Path(folder, "trials.jsonl").touch()
    answer = tune(*words.split())
    hint = f"choose another folder as {key}, or go on with it by mlopt resume={folder}"
    assert answer.err == f"mlopt: {folder} holds a study already; {hint}\n"
    assert answer.code == 2
    assert not study.made
    assert [path for path in Path("old").rglob("*") if path.is_file()] == [Path(folder, "trials.jsonl")]


@pytest.mark.parametrize(
    "words",
    [
        "archive list --ur a.db",
        "compare . --ou out",
        "dataset . --t file",
        "export . --t folder",
        "report . --ou out",
        "residual . --t file",
        "sync . --a",
        "t4 . --t file",
        "ui --po 5001",
    ],
)
def test_every_command_wants_its_options_written_out(mlopt: Command, words: str) -> None:
    answer = mlopt(*words.split())
    assert answer.code == 2
    assert answer.err.startswith(f"mlopt: {words.split()[0]}: ")
    assert answer.err.count("\n") == 1
