"""Winograd's minimal filtering: where it is offered, what it computes, and how precisely."""

from __future__ import annotations

from pathlib import Path

import convolutions
import numpy as np
import pytest

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.payload.algorithms.winograd import LEAST_CHANNELS, matrices, rewrite, rewrites
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.core.schedule import Schedule
from mlopt.evaluator.correctness import case, empty
from mlopt.protocols import Workload
from mlopt.testing.backend import assert_computes
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.mlir_file.workload import MlirFile

SMALL = {"n": 2, "c": 16, "h": 14, "w": 26, "f": 9}


def tiles(source: str) -> set[object]:
    """The output tiles on offer."""
    module = parse(source)
    prepare(module)
    return {path.values()["output_tile"] for path in rewrites(module)}


def schedules(backend: Mlir, workload: Workload) -> dict[object, Schedule]:
    """The first hint for each output tile."""
    hints = [hint for hint in backend.space(workload).hints() if hint.get("algorithm") == "winograd"]
    return {hint["output_tile"]: Schedule.of(hint) for hint in hints}


@pytest.mark.parametrize("tile", LEAST_CHANNELS)
def test_the_matrices_filter(tile: int) -> None:
    output, filters, inputs = matrices(tile)
    signal, taps = np.random.default_rng(0).normal(size=tile + 2), np.array([0.5, -2.0, 3.0])
    found = output @ ((filters @ taps) * (inputs @ signal))
    np.testing.assert_allclose(found, np.correlate(signal, taps, "valid"), rtol=1e-12)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_every_tile_stays_far_from_what_is_tolerated(layout: str) -> None:
    backend, workload = Mlir(threads=1), Conv2d(**SMALL, layout=layout)
    found = schedules(backend, workload)
    assert set(found) == {2, 3, 4}
    for schedule in found.values():
        kernel = backend.build(workload, schedule).load()
        for kind in range(3):
            given, outputs = case(workload, 0, kind), [empty(spec) for spec in workload.outputs]
            kernel.bind(given.inputs, outputs)()
            error = np.abs(outputs[0] - workload.reference(*given.inputs)[0])
            assert (error <= 0.4 * workload.tolerance(*given.inputs)[0]).all()


def test_a_product_is_left_for_each_point() -> None:
    module = parse(Conv2d(**SMALL, layout="nhwc").source("mlir"))
    prepare(module)
    rewrite(4, module)
    (product,) = [nest for nest in finish(module) if nest.is_product]
    assert np.prod(product.sizes) == 6 * 6 * 2 * (12 // 4) * (24 // 4) * 16 * 9


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, {2, 3, 4}),
        ({"h": 11}, {3}),
        ({"w": 16}, {2}),
        ({"h": 13}, set()),
        ({"stride": 2, "h": 15, "w": 27}, set()),
        ({"kw": 2, "w": 25}, set()),
        ({"kh": 5, "kw": 5, "h": 16, "w": 28}, set()),
        ({"c": 15}, {2}),
        ({"c": 3}, set()),
    ],
    ids=str,
)
def test_it_is_offered_where_it_is_even_and_precise(layout: str, changes: dict[str, int], offered: set[int]) -> None:
    assert tiles(Conv2d(**{**SMALL, **changes}, layout=layout).source("mlir")) == offered


@pytest.mark.parametrize("text", [convolutions.OFFSET, convolutions.STRIDED])
def test_other_windows_are_left_alone(text: str) -> None:
    assert not tiles(text)


def test_groups_and_what_follows_are_right(tmp_path: Path) -> None:
    (tmp_path / "program.mlir").write_text(convolutions.GROUPED)
    backend, workload = Mlir(threads=1), MlirFile(str(tmp_path / "program.mlir"), None)
    found = schedules(backend, workload)
    assert set(found) == {2, 4}
    for schedule in found.values():
        assert_computes(backend, workload, schedule)
