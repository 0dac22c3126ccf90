"""Programs given as MLIR: what is read from them, what is refused, and what their tolerance lets pass."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import programs
import pytest

from mlopt.core.errors import UserError
from mlopt.protocols import Array, TensorSpec, Workload
from mlopt.testing import WorkloadContract
from mlopt.testing.workload import DISTRIBUTIONS, draw, within_tolerance
from mlopt.workloads.mlir_file.workload import MlirFile

BINDINGS = ("numpy", "torch_mlir", "mlir", "ml_dtypes")
PRODUCT = """
func.func @product(%a: tensor<8x{k}xf32>, %b: tensor<{k}x8xf32>) -> tensor<8x8xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x8xf32>
  %clear = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x8xf32>) -> tensor<8x8xf32>
  %c = linalg.matmul ins(%a, %b : tensor<8x{k}xf32>, tensor<{k}x8xf32>)
    outs(%clear : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %c : tensor<8x8xf32>
}}
"""


def write(folder: Path, text: str, entry: str | None = None) -> MlirFile:
    (folder / "program.mlir").write_text(text)
    return MlirFile(str(folder / "program.mlir"), entry)


class TestMlirFile(WorkloadContract):
    libraries = BINDINGS

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> Workload:
        return write(self.folder, programs.GATED)


class TestDepthwise(TestMlirFile):
    def make(self) -> Workload:
        return write(self.folder, programs.DEPTHWISE)


class TestComplex(TestMlirFile):
    def make(self) -> Workload:
        return write(self.folder, programs.COMPLEX)


class TestSmallFloats(TestMlirFile):
    def make(self) -> Workload:
        return write(self.folder, programs.SMALL_FLOATS)


class TestWeighted(TestMlirFile):
    """Large constants are no part of its text."""

    def make(self) -> Workload:
        return write(self.folder, programs.WEIGHTED)


class TestBits(TestMlirFile):
    """Judged in its own precision."""

    def make(self) -> Workload:
        return write(self.folder, programs.BITS)


def test_shapes_dtypes_and_work_are_read_from_the_function(tmp_path: Path) -> None:
    gated = write(tmp_path, programs.GATED)
    assert [operand.shape for operand in gated.operands] == [(6, 16), (16, 24), (16, 24)]
    assert gated.outputs == (TensorSpec((6, 24), "float32"),) * 2
    assert gated.flops == 2 * 2 * 6 * 16 * 24 + (4 + 1) * 6 * 24


def test_sums_of_small_floats_are_rounded_once(tmp_path: Path) -> None:
    workload = write(tmp_path, programs.SMALL_FLOATS)
    inputs = draw(workload, "normal")
    a, b, x = (each.astype(np.float64) for each in inputs)
    y, total, _ = workload.reference(*inputs)
    np.testing.assert_allclose(y, a @ b, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(total, np.abs(x).sum(axis=1), rtol=1e-12)
    bits = [each.view(np.uint16) if each.dtype == "bfloat16" else each for each in inputs]
    np.testing.assert_array_equal(workload.reference(*bits)[0], y)  # for whom numpy has no bfloat16
    for exact, allowed, unit in zip((y, total), workload.tolerance(*inputs), (2.0**-8, 2.0**-11), strict=False):
        assert np.all(allowed >= unit * np.abs(exact))
        assert np.median(allowed) < 16 * unit * np.sqrt(np.mean(exact**2))


def test_what_rounds_on_its_way_may_be_off_by_as_much(tmp_path: Path) -> None:
    text = """func.func @f(%x: tensor<64xf32>) -> tensor<64xf32> {
      %small = arith.truncf %x : tensor<64xf32> to tensor<64xbf16>
      %y = arith.extf %small : tensor<64xbf16> to tensor<64xf32>
      return %y : tensor<64xf32>
    }"""
    workload = write(tmp_path, text)
    (x,) = draw(workload, "uniform")
    (allowed,) = workload.tolerance(x)
    assert np.all(np.abs(x.astype("bfloat16").astype(np.float64) - workload.reference(x)[0]) <= allowed)
    assert allowed.max() < 0.1


def test_the_entry_may_be_named(tmp_path: Path) -> None:
    other = write(tmp_path, programs.GATED, "other")
    assert other.outputs == (TensorSpec((3,), "float64"),)
    assert np.array_equal(other.reference(np.array([0.0, 4.0, 9.0]))[0], [0.0, 2.0, 3.0])


def test_the_reference_is_the_program_in_float64(tmp_path: Path) -> None:
    x, w, v = inputs = draw(gated := write(tmp_path, programs.GATED), "normal")
    a, b = x.astype(np.float64) @ w, x.astype(np.float64) @ v
    gate = a / (1 + np.exp(-a))
    for found, expected in zip(gated.reference(*inputs), (gate * b, gate), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_constants_keep_the_values_that_float32_gives_them(tmp_path: Path) -> None:
    transposed = write(tmp_path, programs.TRANSPOSED)
    zeros = [np.zeros(operand.shape, np.float32) for operand in transposed.operands]
    assert (transposed.reference(*zeros)[1] == float(np.float32(0.1))).all()


def test_margins_below_zero_cut_off(tmp_path: Path) -> None:
    text = """
func.func @f(%x: tensor<5x6xf32>) -> tensor<4x7xf32> {
  %two = arith.constant 2.0 : f32
  %y = tensor.pad %x low[-2, 3] high[1, -2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %two : f32
  } : tensor<5x6xf32> to tensor<4x7xf32>
  return %y : tensor<4x7xf32>
}"""
    x = np.arange(30, dtype=np.float32).reshape(5, 6)
    (result,) = write(tmp_path, text).reference(x)
    assert np.array_equal(result, np.pad(x[2:, :-2], ((0, 1), (3, 0)), constant_values=2))


def test_constants_are_no_operands(tmp_path: Path) -> None:
    weighted = write(tmp_path, programs.WEIGHTED)
    assert weighted.operands == (TensorSpec((8, 16), "float32"),)
    assert weighted.flops == 2 * 8 * 16 * 24 + 8 * 24
    (x,) = draw(weighted, "normal")
    w = programs.WEIGHTS.astype(np.float64)
    np.testing.assert_allclose(weighted.reference(x)[0], x @ w.T + w[:, 3], rtol=1e-12)


def test_booleans_are_given_and_returned(tmp_path: Path) -> None:
    masked = write(tmp_path, programs.MASKED)
    assert masked.operands[1] == TensorSpec((32,), "bool")
    assert masked.outputs[1] == TensorSpec((40, 32), "bool")
    for distribution in DISTRIBUTIONS:
        x, chosen = inputs = draw(masked, distribution)
        assert 0 < chosen.sum() < 32
        seen = programs.MASK & chosen
        y, found = masked.reference(*inputs)
        assert np.array_equal(found, seen)
        assert np.array_equal(y, np.where(seen, x, -1.0))
        assert within_tolerance(masked, inputs, [y, seen])
        seen[-1, 0] = not seen[-1, 0]
        assert not within_tolerance(masked, inputs, [y, seen])


def test_places_are_returned(tmp_path: Path) -> None:
    text = """
func.func @f(%x: tensor<5xindex>) -> tensor<5xindex> {
  %empty = tensor.empty() : tensor<5xindex>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<5xindex>) outs(%empty : tensor<5xindex>) {
  ^bb0(%in: index, %out: index):
    %i = linalg.index 0 : index
    %sum = arith.addi %in, %i : index
    linalg.yield %sum : index
  } -> tensor<5xindex>
  return %y : tensor<5xindex>
}"""
    workload = write(tmp_path, text)
    assert workload.operands == workload.outputs == (TensorSpec((5,), "int64"),)
    assert np.array_equal(workload.reference(np.array([7, 0, 0, 0, 1]))[0], [7, 1, 2, 3, 5])


def test_pixels_may_be_repeated(tmp_path: Path) -> None:
    enlarged = write(tmp_path, programs.ENLARGED)
    x, w = inputs = draw(enlarged, "normal")
    expected = np.exp(x.astype(np.float64)).repeat(2, axis=0).repeat(3, axis=1) * np.tile(w, 8)
    np.testing.assert_allclose(enlarged.reference(*inputs)[0], expected, rtol=1e-12)


def test_positions_that_weights_go_with_are_judged_together(tmp_path: Path) -> None:
    """8 / 1.6 is 5 in float32, and less in float64: whoever takes one for the position takes it for the weight, too."""
    between = write(
        tmp_path,
        """
func.func @between(%x: tensor<11xf32>) -> tensor<16xf32> {
  %step = arith.constant 1.6 : f32
  %one = arith.constant 1 : index
  %empty = tensor.empty() : tensor<16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      outs(%empty : tensor<16xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 0 : index
    %whole = arith.index_cast %i : index to i64
    %wide = arith.sitofp %whole : i64 to f32
    %place = arith.divf %wide, %step : f32
    %floor = arith.fptosi %place : f32 to i64
    %left = arith.index_cast %floor : i64 to index
    %right = arith.addi %left, %one : index
    %a = tensor.extract %x[%left] : tensor<11xf32>
    %b = tensor.extract %x[%right] : tensor<11xf32>
    %back = arith.sitofp %floor : i64 to f32
    %weight = arith.subf %place, %back : f32
    %difference = arith.subf %b, %a : f32
    %part = arith.mulf %weight, %difference : f32
    %sum = arith.addf %a, %part : f32
    linalg.yield %sum : f32
  } -> tensor<16xf32>
  return %y : tensor<16xf32>
}""",
    )
    (x,) = inputs = draw(between, "normal")
    expected = np.interp(np.arange(16) / 1.6, np.arange(11), x)
    np.testing.assert_allclose(between.reference(*inputs)[0], expected, atol=1e-5)


def test_large_tables_of_positions_are_no_part_of_the_text(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(200)
    picked = write(
        tmp_path,
        f"""
func.func @picked(%x: tensor<200xf32>) -> tensor<200xf32> {{
  %order = arith.constant dense<{order.tolist()}> : tensor<200xi64>
  %empty = tensor.empty() : tensor<200xf32>
  %y = linalg.generic
      {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}}
      ins(%order : tensor<200xi64>) outs(%empty : tensor<200xf32>) {{
  ^bb0(%in: i64, %out: f32):
    %place = arith.index_cast %in : i64 to index
    %load = tensor.extract %x[%place] : tensor<200xf32>
    linalg.yield %load : f32
  }} -> tensor<200xf32>
  return %y : tensor<200xf32>
}}""",
    )
    assert "dense" not in picked.source("mlir")
    inputs = draw(picked, "normal")
    assert np.array_equal(picked.reference(*inputs)[0], inputs[0][order])


def test_tensors_are_joined_although_a_cast_hides_their_shapes(tmp_path: Path) -> None:
    text = """
func.func @f(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
  %last = tensor.extract_slice %x[0, 5] [4, 1] [1, 1] : tensor<4x6xf32> to tensor<4x1xf32>
  %first = tensor.extract_slice %x[0, 0] [4, 5] [1, 1] : tensor<4x6xf32> to tensor<4x5xf32>
  %a = tensor.cast %last : tensor<4x1xf32> to tensor<4x?xf32>
  %b = tensor.cast %first : tensor<4x5xf32> to tensor<4x?xf32>
  %both = tensor.concat dim(1) %a, %b : (tensor<4x?xf32>, tensor<4x?xf32>) -> tensor<4x6xf32>
  %y = arith.addf %both, %both : tensor<4x6xf32>
  return %y : tensor<4x6xf32>
}"""
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    assert np.array_equal(write(tmp_path, text).reference(x)[0], 2 * np.roll(x, 1, axis=1))


def test_what_a_program_is_called_makes_no_difference_to_its_tolerance(tmp_path: Path) -> None:
    text = """func.func @f(%x: tensor<64xf64>) -> tensor<64xf64> {
      %y = arith.mulf %x, %x : tensor<64xf64>
      return %y : tensor<64xf64>
    }"""
    x = np.linspace(1, 2, 64)
    plain, named = (write(tmp_path, text.replace("@f", name)).tolerance(x)[0] for name in ("@f", "@square_f32"))
    assert np.array_equal(plain, named)
    assert 0 < plain.max() < 1e-9


def sums(a: Array, b: Array) -> list[Array]:
    """The product of two matrices, with its terms added up in several orders, in float32."""
    terms = a.T[:, :, None] * b[:, None, :]
    pairs = terms
    while len(pairs) > 1:
        pairs = pairs[::2] + pairs[1::2]
    lanes = terms.reshape(-1, 16, *terms.shape[1:])
    orders = (terms, terms[::-1], lanes.cumsum(axis=0, dtype=np.float32)[-1])
    return [pairs[0], *(order.cumsum(axis=0, dtype=np.float32)[-1] for order in orders)]


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS, "integers"])
@pytest.mark.parametrize("terms", [16, 1024])
def test_every_order_of_a_sum_is_right_and_a_term_less_is_wrong(tmp_path: Path, distribution: str, terms: int) -> None:
    product = write(tmp_path, PRODUCT.format(k=terms))
    a, b = inputs = draw(product, distribution)
    for right in sums(a, b):
        assert within_tolerance(product, inputs, [right])
    assert not within_tolerance(product, inputs, [a[:, :-1] @ b[:-1]])


def test_a_sum_in_half_precision_is_wrong(tmp_path: Path) -> None:
    product = write(tmp_path, PRODUCT.format(k=64))
    a, b = inputs = draw(product, "normal")
    assert not within_tolerance(product, inputs, [(a.astype(np.float16) @ b.astype(np.float16)).astype(np.float32)])


def test_vector_math_is_right_where_it_cancels(tmp_path: Path) -> None:
    """1 - tanh(x): what is left of large x is all rounding, of which an error of 4 ulp is allowed."""
    text = """
func.func @f(%x: tensor<64xf32>) -> tensor<64xf32> {
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %t = math.tanh %x : tensor<64xf32>
  %y = arith.subf %one, %t : tensor<64xf32>
  return %y : tensor<64xf32>
}"""
    program = write(tmp_path, text)
    x = np.linspace(1, 8, 64, dtype=np.float32)
    off = np.tanh(x) * np.float32(1 - 4 * 2.0**-24)
    assert within_tolerance(program, [x], [np.float32(1) - off])
    assert not within_tolerance(program, [x], [np.float32(1) - np.tanh(x).astype(np.float16)])


def test_whole_numbers_must_be_exact(tmp_path: Path) -> None:
    integers = write(tmp_path, programs.INTEGERS)
    a, b = inputs = draw(integers, "integers")
    assert within_tolerance(integers, inputs, [a @ b])
    assert not within_tolerance(integers, inputs, [a @ b + np.eye(8, 16, dtype=np.int32)])


def test_what_has_no_program_in_float64_is_judged_by_its_own_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bits = write(tmp_path, programs.BITS.replace("@bits", "@magnitudes"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            (inputs,) = draw(bits, "normal")
            assert np.array_equal(bits.reference(inputs)[0], np.abs(inputs))
    assert [record.message.count("not by float64") for record in caplog.records] == [1]


def test_whole_numbers_must_be_exact_without_a_program_in_float64_too(tmp_path: Path) -> None:
    text = """
func.func @bits(%x: tensor<8xf32>) -> tensor<8xi32> {
  %mask = arith.constant dense<2147483647> : tensor<8xi32>
  %bits = arith.bitcast %x : tensor<8xf32> to tensor<8xi32>
  %y = arith.andi %bits, %mask : tensor<8xi32>
  return %y : tensor<8xi32>
}"""
    bits = write(tmp_path, text)
    (x,) = inputs = draw(bits, "normal")
    assert within_tolerance(bits, inputs, [np.abs(x).view(np.int32)])
    assert not within_tolerance(bits, inputs, [np.abs(x).view(np.int32) + 1])


MISTAKES = {
    "does not parse": "func.func @f(",
    "does not parse: ": "func.func @f() { return %x : f32 }",
    "no public function": "func.func private @f()",
    "shape must be static": "func.func @f(%x: tensor<?x3xf32>) -> tensor<?x3xf32> { return %x : tensor<?x3xf32> }",
    "argument 0 of @f is f32": "func.func @f(%x: f32) -> f32 { return %x : f32 }",
    "result 0 of @f is tensor<2xf8E5M2>": "func.func @f() -> tensor<2xf8E5M2> {\n"
    "%x = tensor.empty() : tensor<2xf8E5M2> return %x : tensor<2xf8E5M2> }",
    "returns nothing": "func.func @f(%x: tensor<3xf32>) { return }",
    "nothing to optimise": "func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> { return %x : tensor<3xf32> }",
    "to optimise": "func.func @f() -> tensor<3xf32> {\n"
    "%c = arith.constant 2.0 : f32\n%e = tensor.empty() : tensor<3xf32>\n"
    "%y = linalg.fill ins(%c : f32) outs(%e : tensor<3xf32>) -> tensor<3xf32>\nreturn %y : tensor<3xf32> }",
    "argument 0 of @f is tensor<0xf32>, which holds no elements": "func.func @f(%x: tensor<0xf32>) -> tensor<0xf32> {\n"
    "%y = math.exp %x : tensor<0xf32> return %y : tensor<0xf32> }",
    "result 1 of @f is tensor<0xf32>, which": "func.func @f(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<0xf32>) {\n"
    "%y = math.exp %x : tensor<3xf32>\n%z = tensor.empty() : tensor<0xf32>\n"
    "return %y, %z : tensor<3xf32>, tensor<0xf32> }",
    "has the type tensor<0xf32>, which": "func.func @f(%x: tensor<3xf32>, %i: tensor<f32>) -> tensor<f32> {\n"
    "%y = tensor.extract_slice %x[0] [0] [1] : tensor<3xf32> to tensor<0xf32>\n"
    "%s = linalg.reduce {arith.addf} ins(%y : tensor<0xf32>) outs(%i : tensor<f32>) dimensions = [0]\n"
    "return %s : tensor<f32> }",
    "@f calls itself": "func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> { %y = math.exp %x : tensor<3xf32>\n"
    "%z = call @f(%y) : (tensor<3xf32>) -> tensor<3xf32> return %z : tensor<3xf32> }",
    'argument 0 of @f is tensor<3xf32, "packed">, not a tensor of': 'func.func @f(%x: tensor<3xf32, "packed">) -> '
    'tensor<3xf32, "packed"> { return %x : tensor<3xf32, "packed"> }',
    "has the operation strange.scan, which mlopt does not know": "func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {\n"
    "%y = strange.scan ins(%x : tensor<3xf32>) -> tensor<3xf32>\n return %y : tensor<3xf32> }",
    "needs func.func @g": "func.func private @g(tensor<3xf32>) -> tensor<3xf32>\nfunc.func @f(%x: tensor<3xf32>) -> "
    "tensor<3xf32> { %y = call @g(%x) : (tensor<3xf32>) -> tensor<3xf32>\n return %y : tensor<3xf32> }",
    "the subscripts .d0. -> .d0 floordiv 2.; it needs sums of loops": "func.func @f(%x: tensor<8xf32>) -> "
    "tensor<4xf32> { %e = tensor.empty() : tensor<4xf32>\n%y = linalg.generic {indexing_maps = [affine_map<(i) "
    '-> (i)>, affine_map<(i) -> (i floordiv 2)>], iterator_types = ["reduction"]} ins(%x : tensor<8xf32>) '
    "outs(%e : tensor<4xf32>) {\n^bb0(%a: f32, %b: f32): linalg.yield %a : f32 } -> tensor<4xf32>\n"
    "return %y : tensor<4xf32> }",
    "cannot be compiled": "func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> { %y = math.exp %x : tensor<3xf32>\n"
    '%z = "mine.own"(%y) : (tensor<3xf32>) -> tensor<3xf32>\n return %z : tensor<3xf32> }',
}


@pytest.mark.parametrize("reason", MISTAKES)
def test_what_cannot_be_tuned_is_refused_in_one_plain_line(tmp_path: Path, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as mistake:
        write(tmp_path, MISTAKES[reason]).source("mlir")
    assert str(mistake.value).startswith("program.mlir")
    assert str(mistake.value).isprintable()


def test_a_file_that_is_not_there_and_an_entry_that_it_does_not_hold(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read workload.path=.*none.mlir: No such file"):
        MlirFile(str(tmp_path / "none.mlir")).source("mlir")
    with pytest.raises(UserError, match=r"has no function 'gate'; did you mean 'gated'\?"):
        write(tmp_path, programs.GATED, "gate").source("mlir")
    with pytest.raises(UserError, match=r"has no function 'xyz'; it has silu, gated, other"):
        write(tmp_path, programs.GATED, "xyz").source("mlir")


def test_a_relative_path_is_the_working_directorys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, programs.GATED)
    monkeypatch.chdir(tmp_path)
    relative = MlirFile("program.mlir")
    monkeypatch.chdir("/")
    assert relative.operands[0].shape == (6, 16)


def test_it_has_no_equivalent_in_pytorch(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no equivalent in PyTorch"):
        write(tmp_path, programs.GATED).eager()
