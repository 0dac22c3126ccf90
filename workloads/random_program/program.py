"""A program of linalg operations, written down once as MLIR and once as calls of PyTorch."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from mlopt.workloads.base import tensor

Shape = tuple[int, ...]

ITEMSIZE = 4
"""Bytes of a float32, which all is."""

CONSTANTS = {"zero": "0.0", "one": "1.0", "half": "0.5", "lowest": "0xFF800000"}
"""What bodies may refer to, by name."""

MAPS = {
    "relu": "%r = arith.maximumf %x, %zero : f32",
    "tanh": "%r = math.tanh %x : f32",
    "exp": "%r = math.exp %x : f32",
    "square": "%r = arith.mulf %x, %x : f32",
    "sigmoid": "%n = arith.negf %x : f32\n%e = math.exp %n : f32\n"
    "%s = arith.addf %e, %one : f32\n%r = arith.divf %one, %s : f32",
    "halve": "%r = arith.mulf %x, %half : f32",
}
"""Functions of one value %x, %r in MLIR."""

PAIRS = {
    "add": "arith.addf",
    "sub": "arith.subf",
    "mul": "arith.mulf",
    "div": "arith.divf",
    "maximum": "arith.maximumf",
}
"""Functions of two values, by PyTorch's names."""

SUMS = {"sum": ("arith.addf", "zero"), "max": ("arith.maximumf", "lowest")}
"""What reductions compute, and where they begin."""

MULTIPLY_ADD = "%p = arith.mulf %x, %y : f32\n%r = arith.addf %total, %p : f32"


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of float32 in the program."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Call:
    """One operation as PyTorch has it: see `eager.py`."""

    function: str
    inputs: tuple[str, ...]
    output: str
    arguments: Mapping[str, Any]


@dataclass(slots=True)
class Program:
    """Grows by one operation a call; each is one `linalg.generic`."""

    arguments: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    computed: list[Value] = field(default_factory=list)
    """What each operation gives; the last one is the result."""
    flops: int = 0
    _lines: list[str] = field(default_factory=list)

    def argument(self, *shape: int) -> Value:
        self.arguments.append(Value(f"a{len(self.arguments)}", shape))
        return self.arguments[-1]

    def einsum(self, spec: str, a: Value, b: Value) -> Value:
        """A product of two tensors, as in 'ij,jk->ik'."""
        left, right, output = spec.replace("->", ",").split(",")
        sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
        call = ("einsum", {"spec": spec})
        return self._generic(call, sizes, (a, b), (left, right), output, MULTIPLY_ADD, "zero")

    def convolution(self, image: Value, filters: Value, stride: int, layout: str) -> Value:
        """Without padding: images in `layout` nchw with filters (f, c, h, w), or nhwc with (h, w, c, f)."""
        at = dict(zip(layout, image.shape, strict=True))
        order = "fcyx" if layout == "nchw" else "yxcf"
        taps = dict(zip(order, filters.shape, strict=True))
        sizes = {"n": at["n"], **taps, **_windows(at, taps, stride)}
        read = [_subscript(letter, stride) for letter in layout]
        call = ("convolution", {"stride": stride, "layout": layout})
        write = layout.replace("c", "f").replace("h", "i").replace("w", "j")
        return self._generic(call, sizes, (image, filters), (read, order), write, MULTIPLY_ADD, "zero")

    def depthwise(self, image: Value, filters: Value, stride: int) -> Value:
        """A convolution of each channel of (n, c, h, w) with a filter of its own, (c, h, w), without padding."""
        at, taps = dict(zip("nchw", image.shape, strict=True)), dict(zip("cyx", filters.shape, strict=True))
        sizes = {"n": at["n"], **taps, **_windows(at, taps, stride)}
        read = [_subscript(letter, stride) for letter in "nchw"]
        call = ("depthwise", {"stride": stride})
        return self._generic(call, sizes, (image, filters), (read, "cyx"), "ncij", MULTIPLY_ADD, "zero")

    def pool(self, function: str, image: Value, window: int, stride: int) -> Value:
        """The sum or the maximum over windows of (n, c, h, w), without padding."""
        at, taps = dict(zip("nchw", image.shape, strict=True)), {"y": window, "x": window}
        sizes = {"n": at["n"], "c": at["c"], **taps, **_windows(at, taps, stride)}
        operation, start = SUMS[function]
        read = [_subscript(letter, stride) for letter in "nchw"]
        call = (f"{function}_pool", {"window": window, "stride": stride})
        body = f"%r = {operation} %total, %x : f32"
        return self._generic(call, sizes, (image,), (read,), "ncij", body, start, window="yx")

    def map(self, function: str, x: Value) -> Value:
        letters = _letters(x)
        sizes = dict(zip(letters, x.shape, strict=True))
        return self._generic((function, {}), sizes, (x,), (letters,), letters, MAPS[function])

    def pair(self, function: str, x: Value, y: Value, axes: Sequence[int] | None = None) -> Value:
        """A function of x and y; the axes of x that y has, by default all, are `axes`."""
        letters = _letters(x)
        sizes = dict(zip(letters, x.shape, strict=True))
        own = letters if axes is None else "".join(letters[axis] for axis in axes)
        call = ("pair", {"function": function, "shape": [sizes[each] if each in own else 1 for each in letters]})
        return self._generic(call, sizes, (x, y), (letters, own), letters, f"%r = {PAIRS[function]} %x, %y : f32")

    def reduce(self, function: str, x: Value, axes: Sequence[int]) -> Value:
        """The sum or the maximum over some axes."""
        letters = _letters(x)
        sizes = dict(zip(letters, x.shape, strict=True))
        kept = "".join(letter for axis, letter in enumerate(letters) if axis not in axes)
        operation, start = SUMS[function]
        call = (f"{function}_reduce", {"axes": list(axes)})
        return self._generic(call, sizes, (x,), (letters,), kept, f"%r = {operation} %total, %x : f32", start)

    @property
    def result(self) -> Value:
        return self.computed[-1]

    @property
    def bytes(self) -> int:
        """Of all tensors, those in between included."""
        return sum(ITEMSIZE * prod(value.shape) for value in (*self.arguments, *self.computed))

    def mlir(self) -> str:
        """The program as a function on tensors."""
        arguments = ", ".join(f"%{each.name}: {tensor(each.shape)}" for each in self.arguments)
        kind = tensor(self.result.shape)
        constants = [f"%{name} = arith.constant {value} : f32" for name, value in CONSTANTS.items()]
        body = "\n".join([*constants, *self._lines, f"return %{self.result.name} : {kind}"])
        return f"func.func @main({arguments}) -> {kind} {{\n{body}\n}}\n"

    def digest(self) -> int:
        """A number that two programs share where they are the same, operations and sizes."""
        return zlib.crc32(self.mlir().encode())

    def _generic(
        self,
        call: tuple[str, Mapping[str, Any]],
        sizes: Mapping[str, int],
        inputs: Sequence[Value],
        reads: Sequence[Sequence[str]],
        write: str,
        body: str,
        start: str | None = None,
        window: str = "",
    ) -> Value:
        """One nest: loops are letters, those of the result first; sums begin at the constant `start`.

        The loops of a `window` over which nothing but subscripts goes have an operand without values, as in linalg's
        poolings: from it their sizes are known.
        """
        loops = list(dict.fromkeys([*write, *sizes]))
        output = Value(f"v{len(self.calls)}", tuple(sizes[letter] for letter in write))
        kind = tensor(output.shape)
        accesses = (*reads, *([window] if window else []), write)
        maps = ", ".join(f"affine_map<({', '.join(loops)}) -> ({', '.join(each)})>" for each in accesses)
        iterators = ", ".join('"parallel"' if loop in write else '"reduction"' for loop in loops)
        read = list(inputs)
        if window:
            read.append(Value(f"{output.name}_window", tuple(sizes[letter] for letter in window)))
            self._lines.append(f"%{read[-1].name} = tensor.empty() : {tensor(read[-1].shape)}")
        names = ["x", "y"][: len(read)]
        operands = ", ".join(f"%{each.name}" for each in read)
        types = ", ".join(tensor(each.shape) for each in read)
        target = f"%{output.name}_empty"
        self._lines.append(f"{target} = tensor.empty() : {kind}")
        if start is not None:
            filled = f"%{output.name}_start"
            self._lines.append(f"{filled} = linalg.fill ins(%{start} : f32) outs({target} : {kind}) -> {kind}")
            target = filled
        self._lines.append(
            f"%{output.name} = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{iterators}]}} "
            f"ins({operands} : {types}) outs({target} : {kind}) {{\n"
            f"^bb0({', '.join(f'%{name}: f32' for name in names)}, %total: f32):\n{body}\n"
            f"linalg.yield %r : f32\n}} -> {kind}"
        )
        function, arguments = call
        self.calls.append(Call(function, tuple(each.name for each in inputs), output.name, arguments))
        self.flops += prod(sizes.values()) * body.count("arith.")
        self.computed.append(output)
        return output


def _letters(x: Value) -> str:
    return "abcdefgh"[: len(x.shape)]


def _windows(image: Mapping[str, int], taps: Mapping[str, int], stride: int) -> dict[str, int]:
    """How many windows there are, down and across."""
    return {"i": (image["h"] - taps["y"]) // stride + 1, "j": (image["w"] - taps["x"]) // stride + 1}


def _subscript(letter: str, stride: int) -> str:
    return {"h": f"i * {stride} + y", "w": f"j * {stride} + x"}.get(letter, letter)
