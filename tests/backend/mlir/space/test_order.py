"""Orders of loops, decided level by level."""

from __future__ import annotations

import itertools

from mlopt.backend.mlir.space.order import LoopOrder


def test_every_order_is_a_path() -> None:
    order = LoopOrder(("m", "n", "k"), "p.")
    first, second = order.knobs()
    paths = [
        order.path({first.name: outer, second.name: inner})
        for outer in order.legal(first, {})
        for inner in order.legal(second, {first.name: outer, "p.tile_m": "n"})
    ]
    assert sorted(paths) == sorted(itertools.permutations(order.loops))


def test_one_loop_leaves_nothing_to_decide() -> None:
    assert LoopOrder(("m",)).knobs() == ()
    assert LoopOrder(("m",)).path({}) == ("m",)
    assert LoopOrder(()).path({}) == ()


def test_a_level_depends_on_those_before_it() -> None:
    assert [knob.needs for knob in LoopOrder(tuple("ijkl")).knobs()] == [(), ("order_1",), ("order_1", "order_2")]
