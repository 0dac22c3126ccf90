from mlopt.backend.mlir.backend import Mlir
from mlopt.testing.space import walks
from mlopt.workloads.matmul.workload import Matmul

from . import Lean


def test_more_code_costs_more():
    backend, product = Mlir(threads=1), Matmul(16, 16, 16)

    def cost(schedule):
        return Lean().evaluate(backend.build(product, schedule), product, None).metrics["cost"]

    assert 0.0 < cost(None) < max(map(cost, walks(backend.space(product))[:2]))
