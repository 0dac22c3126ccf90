"""Random programs of the kinds that networks are made of, of sizes that occur in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .program import MAPS, Program, Value

CHANNELS = (3, 16, 24, 32, 48, 64, 88, 96, 128, 144, 168, 192, 256, 320, 336, 384, 512, 576, 768, 1024, 2048)
"""Of convolutional networks: ResNet, VGG, MobileNetV2, EfficientNet."""
IMAGES = (7, 8, 9, 13, 14, 15, 27, 28, 30, 42, 43, 56, 58, 64, 112, 114, 130, 147, 226)
"""Heights and widths of their feature maps, with margins and without."""
FEATURES = (64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1000, 1024, 1280, 1536, 2048, 3072, 4096)
"""Widths of layers of transformers and of classifiers."""
ROWS = (1, 16, 32, 64, 77, 100, 128, 196, 197, 256, 384, 512, 1024, 2048)
"""Batches, and lengths of sequences."""
BATCHES = (1, 1, 2, 4, 8, 16, 32, 64, 128, 256)

LEAST_FLOPS, MOST_FLOPS = 1 << 14, 1 << 33
MOST_BYTES = 256 << 20
"""Of all tensors of a program."""

ODD = 0.15
"""How often a size is any number, not one of those above."""


class Draw:
    """Draws sizes and choices."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def size(self, known: Sequence[int]) -> int:
        """One of the known sizes; now and then any in their range, uniform in its logarithm."""
        if self.chance(ODD):
            low, high = np.log([min(known), max(known)])
            return round(float(np.exp(self._rng.uniform(low, high))))
        return int(self._rng.choice(known))

    def number(self, low: int, high: int) -> int:
        """Of `low` to `high`, both included."""
        return int(self._rng.integers(low, high, endpoint=True))

    def of(self, choices: Sequence[str]) -> str:
        return choices[self.number(0, len(choices) - 1)]

    def chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)


def random_program(kind: str, rng: np.random.Generator) -> Program:
    """A program of one of `KINDS`, within the limits on flops and bytes."""
    while True:
        program = Program()
        KINDS[kind](program, Draw(rng))
        if LEAST_FLOPS <= program.flops <= MOST_FLOPS and program.bytes <= MOST_BYTES:
            return program


def _matmul(program: Program, draw: Draw) -> None:
    m, n, k = draw.size(ROWS), draw.size(FEATURES), draw.size(FEATURES)
    if draw.chance(0.3):
        heads, length, depth = draw.number(2, 32), draw.size(ROWS), draw.size((32, 64, 80, 128))
        transposed = draw.chance(0.5)
        a, b = program.argument(heads, length, depth), program.argument(heads, *_turned(m, depth, transposed))
        program.einsum(f"bik,b{'jk' if transposed else 'kj'}->bij", a, b)
        return
    transposed = draw.chance(0.25)
    a, b = program.argument(m, k), program.argument(*_turned(n, k, transposed))
    program.einsum(f"ik,{'jk' if transposed else 'kj'}->ij", a, b)


def _convolution(program: Program, draw: Draw) -> Value:
    channels, image, batch = draw.size(CHANNELS), draw.size(IMAGES), draw.size(BATCHES)
    taps, stride = (1, 3, 3, 3, 5, 7)[draw.number(0, 5)], draw.number(1, 2)
    taps = min(taps, image)
    if draw.chance(0.25):
        x = program.argument(batch, channels, image, image)
        return program.depthwise(x, program.argument(channels, taps, taps), stride)
    filters = draw.size(CHANNELS)
    if draw.chance(0.5):
        x, weights = program.argument(batch, channels, image, image), program.argument(filters, channels, taps, taps)
        return program.convolution(x, weights, stride, "nchw")
    x, weights = program.argument(batch, image, image, channels), program.argument(taps, taps, channels, filters)
    return program.convolution(x, weights, stride, "nhwc")


def _pooling(program: Program, draw: Draw) -> None:
    image = draw.size(IMAGES)
    x = program.argument(draw.size(BATCHES), draw.size(CHANNELS), image, image)
    program.pool(draw.of(("max", "sum")), x, min(image, draw.number(2, 5)), draw.number(1, 3))


def _elementwise(program: Program, draw: Draw) -> None:
    x = _tensor(program, draw)
    for _ in range(draw.number(1, 4)):
        x = _each(program, draw, x)


def _reduction(program: Program, draw: Draw) -> None:
    x = _tensor(program, draw)
    last = len(x.shape) - 1
    if last and draw.chance(0.4):
        _normalised(program, draw, x)
        return
    if draw.chance(0.4):
        x = program.map(draw.of(tuple(MAPS)), x)
    axes = [axis for axis in range(last) if draw.chance(0.5)] if last and draw.chance(0.4) else [last]
    program.reduce(draw.of(("sum", "max")), x, axes or [0])


def _contraction(program: Program, draw: Draw) -> None:
    """An einsum with one to five letters of the four roles, in any order: batch, rows, columns and sum."""
    roles = ["m", "n", "k", *(draw.of("bmnk") for _ in range(draw.number(0, 3)))]
    if draw.chance(0.5):
        roles.insert(0, "b")
    letters = "pqrstuvw"[: len(roles)]
    sizes = {letter: draw.size((2, 3, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)) for letter in letters}

    def having(without: str) -> str:
        own = [letter for letter, role in zip(letters, roles, strict=True) if role != without]
        for _ in range(draw.number(0, 2)):
            own.append(own.pop(draw.number(0, len(own) - 1)))
        return "".join(own)

    left, right, output = having("n"), having("m"), having("k")
    operands = (program.argument(*(sizes[letter] for letter in each)) for each in (left, right))
    program.einsum(f"{left},{right}->{output}", *operands)


def _chain(program: Program, draw: Draw) -> None:
    """A product or a convolution, and what follows it in a network."""
    if draw.chance(0.4):
        x = _convolution(program, draw)
        channel = 3 if program.calls[-1].arguments.get("layout") == "nhwc" else 1
        x = program.pair("add", x, program.argument(x.shape[channel]), [channel])
        x = program.map("relu", x)
        if channel == 1 and min(x.shape[2:]) > 2 and draw.chance(0.5):
            program.pool("max", x, 2, 2)
        elif draw.chance(0.5):
            program.pair("add", x, program.argument(*x.shape))
        return
    rows, inside, hidden = draw.size(ROWS), draw.size(FEATURES), draw.size(FEATURES)
    x = program.einsum("ik,kj->ij", program.argument(rows, inside), program.argument(inside, hidden))
    x = program.pair("add", x, program.argument(hidden), [1])
    x = _each(program, draw, x)
    if draw.chance(0.4):
        program.einsum("ik,kj->ij", x, program.argument(hidden, draw.size(FEATURES)))
    elif draw.chance(0.5):
        _normalised(program, draw, x)


def _tensor(program: Program, draw: Draw) -> Value:
    """An argument as element-wise layers have them."""
    image, batch, channels = draw.size(IMAGES), draw.size(BATCHES), draw.size(CHANNELS)
    shapes = (
        (batch, channels, image, image),
        (batch, image, image, channels),
        (draw.size(ROWS), draw.size(FEATURES)),
        (draw.size(ROWS), draw.size(ROWS), draw.size((32, 64, 80, 128))),
        (draw.size(ROWS) * draw.size(FEATURES),),
    )
    return program.argument(*shapes[draw.number(0, len(shapes) - 1)])


def _each(program: Program, draw: Draw, x: Value) -> Value:
    """A function of each element, or of it and of what lies beside it in another tensor."""
    if draw.chance(0.5):
        return program.map(draw.of(tuple(MAPS)), x)
    function = draw.of(("add", "sub", "mul", "maximum"))
    if len(x.shape) > 1 and draw.chance(0.4):
        axis = draw.number(0, len(x.shape) - 1)
        return program.pair(function, x, program.argument(x.shape[axis]), [axis])
    return program.pair(function, x, program.argument(*x.shape))


def _normalised(program: Program, draw: Draw, x: Value) -> Value:
    """A softmax along the last axis, or each row in relation to the sum of its squares."""
    last = len(x.shape) - 1
    rows = range(last)
    if draw.chance(0.5):
        above = program.pair("sub", x, program.reduce("max", x, [last]), rows)
        weights = program.map("exp", above)
        return program.pair("div", weights, program.reduce("sum", weights, [last]), rows)
    squares = program.reduce("sum", program.map("square", x), [last])
    return program.pair("div", x, squares, rows)


def _turned(columns: int, rows: int, transposed: bool) -> tuple[int, int]:
    return (columns, rows) if transposed else (rows, columns)


KINDS: Mapping[str, Callable[[Program, Draw], object]] = {
    "matmul": _matmul,
    "convolution": _convolution,
    "pooling": _pooling,
    "elementwise": _elementwise,
    "reduction": _reduction,
    "contraction": _contraction,
    "chain": _chain,
}
