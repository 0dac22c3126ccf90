"""A few programs of a launch, interpreted: what they wrote is told apart from what nobody wrote.

On the sizes that matter a kernel has far too many programs to interpret them all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...core.tensors import to_numpy, to_torch
from ...protocols import Array
from .kernel_file import CPU, Source
from .played import playing

MOST = (2, 2, 1)
"""Programs along each axis of a grid."""

MARK = -0x5A5A
"""What no integer that a kernel writes is likely to be; of floats it is NaN."""


def carry_out_some(
    source: Source, config: Mapping[str, Any], parameters: Mapping[str, Any], seed: int, inputs: Sequence[Array]
) -> tuple[list[Array], list[Array]]:
    """Outputs, and where they were written, of some programs that `seed` chooses, in a process that interprets."""
    tensors = [to_torch(array.copy()) for array in inputs]
    launch = source.load().launcher(config, {**parameters, "multiprocessors": CPU.multiprocessors})
    with playing(CPU), _marked(), _some(np.random.default_rng(seed)):
        outputs = launch(tensors)
    arrays = [to_numpy(output.contiguous()) for output in outputs]
    return arrays, [_written(array) for array in arrays]


def _written(array: Array) -> Array:
    """Shape of the array: whether an element is not as `_marked` made it."""
    if array.dtype.kind in "iu":
        return np.asarray(array != np.array(MARK).astype(array.dtype))
    return np.asarray(~np.isnan(array.astype(np.float64)))


@contextlib.contextmanager
def _marked() -> Iterator[None]:
    """Within it, tensors that are made without content hold a mark in each element."""
    import torch

    def marked(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any, **named: Any) -> Any:
            tensor = make(*given, **named)
            return tensor.fill_(float("nan") if tensor.dtype.is_floating_point else MARK)

        return made

    names = ("empty", "empty_like")
    before = {name: getattr(torch, name) for name in names}
    for name, make in before.items():
        setattr(torch, name, marked(make))
    try:
        yield
    finally:
        for name, make in before.items():
            setattr(torch, name, make)


class _Extent(int):
    """The length of an axis of a grid, of which only some places are looked at."""

    places: Sequence[int]


@contextlib.contextmanager
def _some(rng: np.random.Generator) -> Iterator[None]:
    """Within it, launches are of a few programs, the grid being as large as it is."""
    from triton.runtime import interpreter

    begin = interpreter.GridExecutor.__init__

    def extent(size: int, most: int) -> _Extent:
        made = _Extent(size)
        made.places = sorted(int(place) for place in rng.permutation(size)[:most])
        return made

    def sampling(self: Any, fn: Any, arg_names: Any, grid: Any, *rest: Any, **named: Any) -> None:
        def some(arguments: Any) -> tuple[int, ...]:
            sizes = grid(arguments) if callable(grid) else grid
            return tuple(extent(int(size), most) for size, most in zip(sizes, MOST, strict=False))

        begin(self, fn, arg_names, some, *rest, **named)

    def places(*given: Any) -> Any:
        return given[0].places if len(given) == 1 and isinstance(given[0], _Extent) else range(*given)

    interpreter.GridExecutor.__init__ = sampling
    interpreter.range = places
    try:
        yield
    finally:
        del interpreter.range
        interpreter.GridExecutor.__init__ = begin
