"""A file of passes: what it allows, and what is wrong with one that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.lowering import PLAIN_POINTERS
from mlopt.backend.mlir.passes import Pipelines, read
from mlopt.core.errors import UserError
from mlopt.protocols import Workload
from mlopt.workloads.matmul.workload import Matmul

FILE = """
before:
  - {pass: one-shot-bufferize, options: {bufferize-function-boundaries: true}}
passes:
  - cse
  - any_order:
      - {pass: affine-loop-unroll, op: func.func, optional: true, options: {unroll-factor: [4, 2]}}
      - {pass: cse, label: again}
after:
  - {pass: lower-affine, op: func.func}
  - convert-to-llvm
"""


def pipelines(folder: Path, text: str) -> Pipelines:
    (folder / "passes.yaml").write_text(text)
    read.cache_clear()
    return read(str(folder / "passes.yaml"))


def test_the_lowering_is_a_pipeline_on_the_module(tmp_path: Path) -> None:
    assert pipelines(tmp_path, FILE).lowering == "builtin.module(func.func(lower-affine),convert-to-llvm)"


def test_a_library_takes_plain_pointers_from_before_buffers_are_lowered(tmp_path: Path) -> None:
    lowering = pipelines(tmp_path, FILE).library_lowering
    assert lowering == f"builtin.module(func.func(lower-affine),{PLAIN_POINTERS},convert-to-llvm)"


def test_regions_of_openmp_are_told_how_many_threads_they_have(tmp_path: Path) -> None:
    text = """
before: [convert-scf-to-openmp]
passes:
  - {pass: convert-scf-to-openmp, label: again, op: func.func}
  - any_order: [cse, {pass: convert-scf-to-openmp, label: once-more}]
after: [{pass: convert-scf-to-openmp, options: {num-threads: 3}}]
"""
    found = pipelines(tmp_path, text).on(2)
    assert [*found.every()] == [
        *["convert-scf-to-openmp{num-threads=2}"] * 2,
        *["func.func(convert-scf-to-openmp{num-threads=2})"] * 2,
        "cse",
        *["convert-scf-to-openmp{num-threads=2}"] * 2,
        *["convert-scf-to-openmp{num-threads=3}"] * 2,
    ]


def test_every_value_of_every_option_stands_in_what_a_driver_is_asked(tmp_path: Path) -> None:
    assert set(pipelines(tmp_path, FILE).every()) == {
        "one-shot-bufferize{bufferize-function-boundaries=true}",
        "cse",
        "func.func(affine-loop-unroll{unroll-factor=4})",
        "func.func(affine-loop-unroll{unroll-factor=2})",
        "func.func(lower-affine)",
        "convert-to-llvm",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file: Input should be a mapping of keys"),
        ("passes: [", "is no YAML: "),
        ("passes: [cse]", "after: Field required"),
        ("passes: []\nafter: [cse]", "passes: .*at least 1"),
        ("passes: [cse]\nafter: []", "after: .*at least 1"),
        ("passes: [cse]\nafter: [cse]\nbefor: [cse]", "the file: no key 'befor'; did you mean 'before'?"),
        ("passes: [{pas: cse}]\nafter: [cse]", r"passes\.0\.pass: Field required"),
        (
            "passes: [cse, {pass: cse, optoins: 1}]\nafter: [cse]",
            r"passes\.1: no key 'optoins'; did you mean 'options'?",
        ),
        ("passes: [{pass: cse, options: {a: []}}]\nafter: [cse]", r"passes\.0\.options\.a: must be a value, or a list"),
        ("passes: [{any_order: [cse]}]\nafter: [cse]", r"passes\.0\.any_order: .*at least 2"),
        ("passes: [{any_order: [a, b, c, d, e, f]}]\nafter: [cse]", r"passes\.0\.any_order: .*at most 5"),
        ("passes: [cse, {any_order: [a, cse]}]\nafter: [cse]", "there are two of cse; give one a label of its own"),
        ("passes: [cse]\nafter: [{pass: a, options: {b: [1, 2]}}]", "a leaves a choice, which only passes can"),
        ("before: [{pass: a, optional: true}]\npasses: [cse]\nafter: [cse]", "a leaves a choice"),
    ],
)
def test_a_file_that_says_something_else_costs_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=rf"^passes\.yaml:? {reason}") as refusal:
        pipelines(tmp_path, text)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("ask", [Mlir.space, Mlir.identity], ids=["space", "identity"])
def test_a_file_that_cannot_be_read_is_a_mistake_whoever_reads_it_first(
    tmp_path: Path, ask: Callable[[Mlir, Workload], object]
) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    reasons = {"nothing": "nothing: No such file", ".": "Is a directory", "bytes": "bytes is not a file of text"}
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=rf"backend\.pipeline_space=.*{reason}"):
            ask(Mlir(pipeline_space=str(tmp_path / name)), Matmul())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("no-such-pass", r"no-such-pass is refused: .*does not refer to a registered pass"),
        ("{pass: cse, options: {depth: 3}}", r"cse\{depth=3\} is refused: .*no such option depth"),
        ("{pass: affine-loop-unroll, options: {unroll-factor: [2, few]}}", "affine-loop-unroll{.*} is refused: "),
        ("affine-loop-tile", "affine-loop-tile is refused: .*did you intend to nest"),
    ],
)
def test_a_pass_that_the_driver_does_not_know_is_named_before_anything_runs(
    tmp_path: Path, wrong: str, reason: str
) -> None:
    (tmp_path / "passes.yaml").write_text(f"passes: [canonicalize, {wrong}]\nafter: [cse]")
    read.cache_clear()
    with pytest.raises(UserError, match=rf"^backend\.pipeline_space: {reason}"):
        Mlir(pipeline_space=str(tmp_path / "passes.yaml")).space(Matmul())
