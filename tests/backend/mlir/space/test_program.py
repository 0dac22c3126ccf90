"""Where the nests of a program may stand: whole blocks, not too many, and nothing computed twice."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import programs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopt.backend.mlir.bindings import ir, new_context
from mlopt.backend.mlir.payload.describe import read
from mlopt.backend.mlir.payload.frontend import finish, parse, prepare
from mlopt.backend.mlir.payload.nest import Access, LoopNest
from mlopt.backend.mlir.simd import Simd
from mlopt.backend.mlir.space.program import FUSED, LEAST_SHARE, MOST_BLOCKS, MOST_SIZES, ProgramSpace
from mlopt.core.schedule import Schedule, Value
from mlopt.core.space import Knob, KnobSpace
from mlopt.protocols import Space, Workload
from mlopt.testing import SpaceContract
from mlopt.testing.space import walks
from mlopt.workloads.add.workload import Add
from mlopt.workloads.attention.workload import Attention
from mlopt.workloads.contraction.workload import Contraction
from mlopt.workloads.conv2d.workload import Conv2d
from mlopt.workloads.gelu.workload import Gelu
from mlopt.workloads.layernorm.workload import Layernorm
from mlopt.workloads.maxpool.workload import Maxpool
from mlopt.workloads.mlir_file.workload import MlirFile
from mlopt.workloads.mlp.workload import Mlp
from mlopt.workloads.softmax.workload import Softmax

PROGRAMS = Path(__file__).parents[1] / "transform/programs"

AVX2 = Simd(lanes=8, registers=16)
AVX512 = Simd(lanes=16, registers=32)
NEON = Simd(lanes=4, registers=32)

WORKLOADS: list[Workload] = [
    Gelu(shape=(6, 4, 35)),
    Add(shape=(256, 256, 64)),
    Softmax(rows=12, cols=35),
    Layernorm(rows=7, cols=64),
    Maxpool(n=2, c=3, h=8, w=11, k=3, stride=2),
    Conv2d(n=2, c=4, h=10, w=18, f=24, kh=3, kw=3, layout="nhwc"),
    Mlp(m=6, d_model=16, d_ff=48),
]


@functools.cache
def space_of(workload: Workload, simd: Simd = AVX2, threads: int = 2) -> ProgramSpace:
    context = new_context()
    with context, ir.Location.unknown(context):
        module = parse(workload.source("mlir"))
        prepare(module)
        finish(module)
        return ProgramSpace(read(module), simd, threads)


class TestOneNest(SpaceContract):
    def make(self) -> Space:
        return space_of(Gelu(shape=(6, 4, 35)))


class TestReductions(SpaceContract):
    def make(self) -> Space:
        return space_of(Softmax(rows=12, cols=35), AVX512)


class TestProducts(SpaceContract):
    def make(self) -> Space:
        return space_of(Mlp(m=6, d_model=16, d_ff=48), NEON)


class TestConvolution(SpaceContract):
    def make(self) -> Space:
        return space_of(Conv2d(n=2, c=4, h=10, w=18, f=24, kh=3, kw=3, layout="nhwc"))


spaces = st.builds(space_of, st.sampled_from(WORKLOADS), st.sampled_from([AVX2, AVX512, NEON]))


def draw(space: Space, data: st.DataObject) -> dict[str, Any]:
    """A schedule of hypothesis' choice."""
    prefix = Schedule()
    while options := space.options(prefix):
        prefix = prefix.then(data.draw(st.sampled_from(options)))
    return dict(prefix.values())


def offered(space: Space, knob: str, chosen: dict[str, Any]) -> list[Any]:
    """What `knob` may be after `chosen`, and after the first option of each knob that is not chosen."""
    prefix = Schedule()
    while options := space.options(prefix):
        if options[0].knob == knob:
            return [option.value for option in options]
        wanted = chosen.get(options[0].knob, options[0].value)
        prefix = prefix.then(next(option for option in options if option.value == wanted))
    raise KeyError(knob)


@given(spaces, st.data())
@settings(max_examples=60, deadline=None)
def test_blocks_divide_their_loops_and_are_not_too_many(space: ProgramSpace, data: st.DataObject) -> None:
    schedule = draw(space, data)
    for placement in space.placements.values():
        cut = str(schedule[placement.parallel])
        for letter, loop in placement.loops.items():
            size, whole = schedule[placement.block(letter)], placement.nest.sizes[loop]
            assert LEAST_SHARE * (whole % size) <= whole
            assert (size < whole) == (cut != FUSED and letter in cut)
            if loop == placement.vector_loop and size != whole:
                assert size % placement.lanes == 0 or (size > placement.lanes and whole % (2 * placement.lanes))
            assert whole // size <= MOST_BLOCKS[letter != next(iter(placement.loops))]


@given(spaces, st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_fused_is_computed_once(space: ProgramSpace, data: st.DataObject) -> None:
    """All of a nest's readers stand in the same blocks, and every block needs another part of it."""
    schedule = draw(space, data)
    for tag, placement in space.placements.items():
        if schedule[placement.parallel] == FUSED:
            root = space.root(tag, schedule)
            assert root is not None
            readers = [reader for reader in space.nests[tag].consumers if not space.nests[reader].is_fill]
            assert all(reader == root or space.stands_in(reader, root, schedule) for reader in readers)
            assert all(schedule[space.placements[reader].parallel] == FUSED or reader == root for reader in readers)


@given(spaces, st.data())
@settings(max_examples=30, deadline=None)
def test_what_is_legal_depends_on_nothing_but_what_a_knob_says_it_needs(
    space: ProgramSpace, data: st.DataObject
) -> None:
    schedule = draw(space, data)
    for position, knob in enumerate(space.knobs):
        needed = {name: schedule[name] for name in knob.needs}
        earlier = {each.name: schedule[each.name] for each in space.knobs[:position]}
        assert list(space.legal(knob, needed)) == list(space.legal(knob, earlier))


@given(st.integers(1, 6000), st.sampled_from([AVX2, AVX512, NEON]))
@settings(max_examples=30, deadline=None)
def test_any_size_can_be_computed_and_offers_few_blocks(size: int, simd: Simd) -> None:
    space = space_of(Gelu(shape=(size, 3)), simd)
    assert space.count() > 0
    knobs = {knob.name: knob for knob in space.knobs}
    assert all(len(knob.values) <= MOST_SIZES + 1 for name, knob in knobs.items() if name.startswith("block_"))


class Forgetless(ProgramSpace):
    """The same, counted the slow way."""

    essence = KnobSpace.essence


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: type(workload).__name__)
def test_what_is_forgotten_in_counting_makes_no_difference(workload: Workload) -> None:
    space = space_of(workload)
    slow = Forgetless(list(space.nests.values()), AVX2, 2)
    for schedule in walks(space):
        for length in range(len(schedule)):
            assert space.counts(schedule.prefix(length)) == slow.counts(schedule.prefix(length))


def test_the_schedules_of_a_long_program_are_counted_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    legal = ProgramSpace.legal

    def counted(self: ProgramSpace, knob: Knob, chosen: Mapping[str, Value]) -> Sequence[Value]:
        asked.append(knob)
        return legal(self, knob, chosen)

    space = space_of(Attention(batch=2, heads=8, kv_heads=4, seq=64, kv_seq=64, head_dim=16))
    monkeypatch.setattr(ProgramSpace, "legal", counted)
    assert space.count() > 1 << 64
    assert len(asked) < 20_000


def test_a_chain_of_residual_connections_is_placed_though_its_paths_are_millions(tmp_path: Path) -> None:
    """Each block multiplies its input, by rows, with the sums of these: two ways through every block."""
    blocks, matrix, row = 18, "tensor<4x32xf32>", "tensor<4xf32>"
    steps = "".join(
        f"""
  %s{block} = linalg.reduce {{arith.addf}} ins(%x{block} : {matrix}) outs(%zeros : {row}) dimensions = [1]
  %b{block} = linalg.broadcast ins(%s{block} : {row}) outs(%empty : {matrix}) dimensions = [1]
  %x{block + 1} = linalg.mul ins(%x{block}, %b{block} : {matrix}, {matrix}) outs(%empty : {matrix}) -> {matrix}"""
        for block in range(blocks)
    )
    (tmp_path / "chain.mlir").write_text(f"""
func.func @f(%x0: {matrix}) -> {matrix} {{
  %zeros = arith.constant dense<0.0> : {row}
  %empty = tensor.empty() : {matrix}{steps}
  return %x{blocks} : {matrix}
}}""")
    space = space_of(MlirFile(str(tmp_path / "chain.mlir")))
    placed = [space.hints()[0][placement.parallel] for placement in space.placements.values()]
    assert placed == ["i", *([FUSED] * (2 * blocks - 1))]


def test_the_last_nest_is_fused_into_nothing() -> None:
    assert FUSED not in offered(space_of(Softmax(rows=12, cols=35)), "map1.parallel", {})


def test_softmax_is_fused_by_rows() -> None:
    space = space_of(Softmax(rows=12, cols=64))
    rows = {"map1.parallel": "i", "map1.block_i": 4}
    assert FUSED in offered(space, "reduce1.parallel", rows)
    assert FUSED in offered(space, "map0.parallel", rows | {"reduce1.parallel": FUSED})
    assert FUSED in offered(space, "reduce0.parallel", rows | {"reduce1.parallel": FUSED, "map0.parallel": FUSED})


def test_a_sum_over_a_row_is_not_repeated_for_each_block_of_columns() -> None:
    space = space_of(Softmax(rows=12, cols=64))
    assert FUSED not in offered(space, "reduce1.parallel", {"map1.parallel": "j"})
    assert FUSED not in offered(space, "reduce1.parallel", {"map1.parallel": "ij"})


def test_what_two_groups_read_is_fused_into_neither() -> None:
    space = space_of(Softmax(rows=12, cols=64))
    apart = {"map1.parallel": "i", "reduce1.parallel": "i"}
    assert FUSED not in offered(space, "map0.parallel", apart)
    assert FUSED in offered(space, "reduce0.parallel", apart | {"map0.parallel": "i"})


def test_the_hidden_layer_is_not_repeated_for_each_block_of_its_readers_columns() -> None:
    space = space_of(Mlp(m=6, d_model=16, d_ff=48))
    by_rows = {"map1.parallel": "i", "product1.parallel": FUSED}
    by_columns = {"map1.parallel": "j", "product1.parallel": FUSED}
    assert FUSED in offered(space, "map0.parallel", by_rows)
    assert FUSED not in offered(space, "map0.parallel", by_columns)


def test_what_a_reader_takes_in_several_parts_at_once_is_not_computed_for_each(tmp_path: Path) -> None:
    """The terms of a strided window are operands of their own, each of which would have a copy of the padding."""
    dense, strided = tmp_path / "dense.mlir", PROGRAMS / "strided_depthwise.mlir"
    dense.write_text(programs.DEPTHWISE)
    choices = [
        offered(space_of(MlirFile(str(path))), "map0.parallel", {"reduce0.parallel": "i"}) for path in (dense, strided)
    ]
    assert [FUSED in each for each in choices] == [True, False]


def test_fills_have_no_knobs_and_stand_where_their_reader_is() -> None:
    space = space_of(Softmax(rows=12, cols=64))
    assert not any(knob.name.startswith("fill") for knob in space.knobs)
    schedule = next(s.values() for s in walks(space) if s.values()["reduce1.parallel"] == FUSED)
    (fill,) = (tag for tag, nest in space.nests.items() if nest.is_fill and "reduce1" in nest.consumers)
    assert space.stands_in(fill, "map1", schedule)
    assert not space.stands_in("map1", "map1", schedule)


def test_knobs_of_a_single_nest_have_short_names_and_others_say_whose_they_are() -> None:
    assert {knob.name for knob in space_of(Gelu(shape=(6, 32))).knobs} == {
        "parallel",
        "block_i",
        "width",
        "rows",
    }
    *knobs, last = space_of(Softmax(rows=12, cols=64)).knobs
    assert all("." in knob.name for knob in knobs)
    assert (last.name, last.values) == ("stack", (4096, 16384, 65536))


@pytest.mark.parametrize(
    ("workload", "simd", "turned"),
    [
        (Contraction("ab,->ba", {"a": 32, "b": 32}, dtype="f32"), AVX512, True),
        (Contraction("ab,->ba", {"a": 32, "b": 32}, dtype="f32"), AVX2, False),
        (Contraction("ab,->ab", {"a": 32, "b": 32}, dtype="f32"), AVX512, False),
        (Attention(seq=32, kv_seq=32, head_dim=16), AVX512, True),
        (Mlp(m=6, d_model=16, d_ff=48), AVX512, False),
    ],
)
def test_how_vectors_are_turned_round_is_asked_where_squares_can_be(
    workload: Workload, simd: Simd, turned: bool
) -> None:
    values = {knob.name: knob.values for knob in space_of(workload, simd).knobs}
    assert values.get("transposes") == (("shuffle_16x16", "shuffle_1d") if turned else None)


def test_every_knob_says_its_purpose() -> None:
    for workload in WORKLOADS:
        for knob in space_of(workload).knobs:
            assert 5 < len(knob.purpose) < 80


@pytest.mark.parametrize(
    ("spec", "shape", "choices"),
    [
        ("ac,b->abc", (6, 4, 32), ("i", "ij", "ijk")),
        ("a,b->ab", (6, 32), ("i", "ij", "j")),
        ("a,b->ab", (6, 7), ("i",)),
        ("a,->a", (7,), ("",)),
    ],
)
def test_outer_loops_are_cut_together_or_the_last_of_two_alone(
    spec: str, shape: tuple[int, ...], choices: tuple[str, ...]
) -> None:
    outer_product = Contraction(spec, dict(zip("abc", shape, strict=False)), dtype="f32")
    (parallel,) = (knob for knob in space_of(outer_product).knobs if knob.name == "parallel")
    assert parallel.values == choices


@given(spaces)
@settings(max_examples=20, deadline=None)
def test_hints_are_legal_and_differ(space: ProgramSpace) -> None:
    hints = [Schedule.of(hint) for hint in space.hints()]
    assert hints
    assert len(set(hints)) == len(hints)
    for hint in hints:
        space.check(hint)


SHORT_SUMS = {"layout": "nchw", "n": 2, "c": 64, "h": 28, "w": 28, "f": 160, "kh": 1, "kw": 1}


def test_hints_begin_with_whole_register_tiles_of_what_need_not_be_packed() -> None:
    hints = space_of(Conv2d(**SHORT_SUMS), AVX512).hints()
    unpacked = [hint for hint in hints if hint["pack_b"] == "none"]
    assert hints[0] in unpacked
    for hint in unpacked:
        assert hint["pack_a"] == "none"
        assert int(hint["block_k"]) % int(hint["reg_n"]) == 0
        assert int(hint["block_j"]) % int(hint["reg_m"]) == 0


def test_hints_pack_what_a_long_sum_reads_and_what_is_turned_round() -> None:
    long = space_of(Conv2d(**SHORT_SUMS | {"c": 512}), AVX512).hints()
    turned = space_of(Contraction("bmk,bnk->bmn", {"b": 2, "m": 160, "n": 784, "k": 64}, dtype="f32"), AVX512).hints()
    assert all(hint["pack_b"] != "none" for hint in (*long, *turned))


@pytest.mark.parametrize(("columns", "width"), [(56, 16), (100, 32), (128, 64)])
def test_hints_leave_no_whole_vectors_over(columns: int, width: int) -> None:
    hint = space_of(Softmax(rows=8, cols=columns), AVX512).hints()[0]
    assert {value for knob, value in hint.items() if knob.startswith("map") and knob.endswith("width")} == {width}


@pytest.mark.parametrize("size", [67, 127, 509])
def test_blocks_of_a_prime_loop_leave_a_small_rest(size: int) -> None:
    blocks = space_of(Softmax(rows=size, cols=64), AVX2).placements["map1"].sizes("i")
    assert blocks[-1] == size
    assert len(blocks) > 3
    assert all(size % block <= size / LEAST_SHARE for block in blocks)


def test_blocks_hold_two_elements_at_least_of_what_only_llvm_vectorises() -> None:
    single = LoopNest("map0", (64,), frozenset(), (), (Access(((1,),), (64,), "f32"),), ("tensor.extract",))
    space = ProgramSpace([single], AVX2, threads=1)
    assert min(space.placements["map0"].sizes("i")) == 2


def test_blocks_of_products_leave_no_rest() -> None:
    space = space_of(Conv2d(n=1, c=4, h=15, w=18, f=67, kh=3, kw=3))
    (placement,) = space.placements.values()
    for letter, loop in placement.loops.items():
        assert not any(placement.nest.sizes[loop] % block for block in placement.sizes(letter))


def test_hints_compute_parts_of_a_sum_in_blocks_where_their_reader_has_none(tmp_path: Path) -> None:
    file = tmp_path / "total.mlir"
    file.write_text("""
    func.func @f(%x: tensor<65536xf32>) -> tensor<f32> {
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : tensor<f32>
      %clear = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
      %y = linalg.reduce { arith.addf } ins(%x : tensor<65536xf32>) outs(%clear : tensor<f32>) dimensions = [0]
      return %y : tensor<f32>
    }""")
    for hint in space_of(MlirFile(str(file)), AVX512).hints():
        assert (hint["reduce1.parallel"], hint["reduce0.parallel"]) == ("", "i")
        assert int(hint["reduce0.rows"]) > 1
