"""Random numbers that a resumed search finds again."""

from __future__ import annotations

import numpy as np

from mlopt.search.streams import Streams


def drawn(streams: Streams, number: int) -> list[float]:
    streams.begin(number)
    return list(streams.rng.random(5))


def test_a_stream_depends_on_seed_and_number_alone() -> None:
    first, second = Streams(np.random.default_rng(3)), Streams(np.random.default_rng(3))
    expected = [drawn(first, number) for number in range(4)]
    second.rng.random(1000)
    assert [drawn(second, number) for number in (3, 1)] == [expected[3], expected[1]]
    assert len({value for values in expected for value in values}) == 20
    assert drawn(Streams(np.random.default_rng(4)), 0) != expected[0]


def test_streams_of_one_generator_differ() -> None:
    rng = np.random.default_rng(3)
    assert drawn(Streams(rng), 0) != drawn(Streams(rng), 0)
