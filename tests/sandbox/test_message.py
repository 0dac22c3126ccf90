"""What passes between a sandbox and its host."""

from __future__ import annotations

import json

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.sandbox.message import NoMessage, pack, unpack

DTYPES = st.sampled_from(["float32", "float64", "float16", "bfloat16", "int8", "int64", "uint16", "bool", "complex64"])
ARRAYS = st.lists(hnp.arrays(st.just("int8"), hnp.array_shapes(min_dims=0, min_side=0, max_side=4)), max_size=4)


@given(ARRAYS, DTYPES, st.dictionaries(st.text(), st.integers() | st.text()))
def test_comes_back_as_it_was(bare: list[np.ndarray], dtype: str, plain: dict[str, object]) -> None:
    arrays = [array.astype(dtype) for array in bare]
    found, back = unpack(pack(plain, arrays))
    assert found == plain
    assert [(a.dtype, a.shape, a.tobytes()) for a in back] == [(a.dtype, a.shape, a.tobytes()) for a in arrays]


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_message(content: bytes) -> None:
    with pytest.raises(NoMessage):
        unpack(content)


@given(st.data())
def test_a_message_cut_short_is_none(data: st.DataObject) -> None:
    content = pack({"a": 1}, [np.arange(3.0)])
    with pytest.raises(NoMessage):
        unpack(content[: data.draw(st.integers(0, len(content) - 1))])


@pytest.mark.parametrize(
    "spec",
    [
        {"dtype": "object", "shape": [1]},
        {"dtype": "V0", "shape": [1]},
        {"dtype": "i4,f4", "shape": [1]},
        {"dtype": "float32", "shape": [-1]},
        {"dtype": "float32", "shape": [1 << 62, 1 << 62]},
        {"dtype": "float32", "shape": [True]},
        {"dtype": "float32", "shape": ["1"]},
        {"dtype": "float32"},
        "float32",
    ],
)
def test_an_array_that_is_none_is_refused(spec: object) -> None:
    text = json.dumps({"plain": {}, "arrays": [spec]}).encode()
    with pytest.raises(NoMessage):
        unpack(len(text).to_bytes(8, "big") + text + bytes(64))
