"""What an expert is told of a program."""

from __future__ import annotations

from mlopt.backend.mlir.backend import Mlir
from mlopt.backend.mlir.explain import explain
from mlopt.backend.mlir.problem import problem
from mlopt.backend.mlir.simd import Simd
from mlopt.protocols import ExplainedBackend
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.matmul.workload import Matmul

SIMD = Simd(lanes=8, registers=16)


def told(source: str) -> str:
    return explain(source, problem(source, 1, SIMD).space, SIMD)


def test_a_product_is_told_by_its_sizes() -> None:
    text = told(Matmul(m=127, n=255, k=63).source("mlir"))
    assert "linalg.matmul" in text
    assert "16 registers of 8 float32 lanes" in text
    assert "m=127, n=255, sums over k=63" in text


def test_each_algorithm_of_attention_is_told_once_with_its_nests() -> None:
    text = told(Attention(batch=1, heads=2, kv_heads=2, seq=64, kv_seq=64, head_dim=32).source("mlir"))
    assert text.count("With algorithm=direct") == text.count("With algorithm=online") == 1
    assert "- product0: i=2, j=64, k=64; reduces over l=32; reads f32[i,j,l], f32[i,k,l]; computes mulf, addf" in text
    assert "reads product0 f32[i,j,k]" in text
    assert "computes mulf, addf; m=j, n=k, k=l" in text
    assert "computes addf; vectors along k" in text


def test_large_constants_are_left_out() -> None:
    source = """
      func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> {
        %c = arith.constant dense<"0x%s"> : tensor<64xf32>
        %e = tensor.empty() : tensor<64xf32>
        %0 = linalg.add ins(%x, %c : tensor<64xf32>, tensor<64xf32>) outs(%e : tensor<64xf32>) -> tensor<64xf32>
        return %0 : tensor<64xf32>
      }
    """.replace("%s", "0000803F" * 63 + "00000040")
    assert "0000803F" not in told(source)


def test_the_backend_can_explain() -> None:
    assert isinstance(Mlir(threads=1), ExplainedBackend)
    assert "m=8" in Mlir(threads=1).explain(Matmul(m=8, n=8, k=8))
