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
        ("serach=toy", "the configuration has no key 'serach'; did you mean 'search'?"),
        ("budget.trails=3", "budget has no key 'trails'; did you mean 'trials'?"),
        ("workload.siez=5", "workload has no key 'siez'; did you mean 'size'?"),
        ("workload.zzz=5", "workload has no key 'zzz'; choose from _target_, kind, note, shape, size"),
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
        ("-m search=toy,tyo", "search has no option 'tyo'; did you mean 'toy'?"),
        ("-m seed=1,x", "seed=x is not a whole number from 0 up"),
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
