from mlopt.evaluator.correctness import case, empty
from mlopt.testing.space import walks
from mlopt.workloads.matmul.workload import Matmul

from . import Affine


def test_pipelines_compute_what_the_workload_says():
    backend, product = Affine(), Matmul(16, 16, 16)
    for schedule in walks(backend.space(product))[:3]:
        kernel = backend.build(product, schedule).load()
        case(product, 0, 0).check(kernel, [empty(spec) for spec in product.outputs])


def test_the_passes_are_those_of_the_file():
    knobs = {knob.name for knob in Affine().space(Matmul(16, 16, 16)).knobs}
    assert {"affine-loop-tile", "affine-scalrep"} <= {name.partition(".")[0] for name in knobs}
