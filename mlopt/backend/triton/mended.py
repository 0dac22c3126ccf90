"""What of Triton's interpreter is put right in a process that interprets; `rerun.py` has a copy beside it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

LIBDEVICE = ("triton.language.extra.libdevice", "triton.language.extra.cuda.libdevice")
"""Modules of functions that NVIDIA's compiler has and Triton's language has not."""

ALIKE = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "copysign", "cos", "cosh", "erf", "erfc",
    "erfinv", "exp", "exp2", "expm1", "floor", "fmod", "hypot", "lgamma", "log", "log10", "log1p", "log2", "nextafter",
    "pow", "rsqrt", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
"""Those that PyTorch has by the same name and with the same meaning."""


def mend() -> None:
    """Mend the interpreter, once a process."""
    _mend_scalars()
    _mend_bfloat16()
    _mend_libdevice()


def unknown(error: BaseException) -> str:
    """What the interpreter does not know, by its own words, if an error comes from that; else ''."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, NotImplementedError):
        cause = cause.__cause__
    return "" if cause is None else str(cause) or "something"


def _mend_scalars() -> None:
    """A scalar is an array of one element, which Triton 3.6 hands to `int`, and numpy 2.4 no longer takes for one."""
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patched(tensor: Any, scope: Any) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))

    interpreter._patch_lang_tensor = patched


def _mend_bfloat16() -> None:
    """Triton's interpreter keeps bfloat16 as its bits; it computes with these, and cuts off where GPUs round."""
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    dot, cast, binary = InterpreterBuilder.create_dot, InterpreterBuilder.cast_impl, InterpreterBuilder.binary_op

    def wide(handle: Any) -> Any:
        return cast_impl(None, handle, tl.float32) if handle.dtype.scalar == tl.bfloat16 else handle

    def create_dot(self: Any, a: Any, b: Any, *rest: Any) -> Any:
        return dot(self, wide(a), wide(b), *rest)

    def binary_op(self: Any, a: Any, b: Any, operation: Any) -> Any:
        narrow = a.dtype.scalar == tl.bfloat16
        result = binary(self, wide(a), wide(b), operation)
        return cast_impl(self, result, tl.bfloat16) if narrow and result.data.dtype == np.float32 else result

    def cast_impl(self: Any, source: Any, kind: Any) -> Any:
        pair = source.dtype.scalar, kind.scalar
        if pair == (tl.float32, tl.bfloat16):
            return TensorHandle(np.asarray(source.data, "bfloat16").view(np.uint16), tl.bfloat16)
        if pair == (tl.bfloat16, tl.float32):
            return TensorHandle(source.data.view("bfloat16").astype(np.float32), tl.float32)
        return cast(self, source, kind)

    InterpreterBuilder.create_dot, InterpreterBuilder.cast_impl = create_dot, cast_impl
    InterpreterBuilder.binary_op = binary_op


def _mend_libdevice() -> None:
    """In the interpreter functions of libdevice return nothing: PyTorch computes them, as far as it can."""
    for path in LIBDEVICE:
        module = importlib.import_module(path)
        for name, value in list(vars(module).items()):
            if callable(value) and not isinstance(value, type) and not name.startswith("_"):
                setattr(module, name, _of_libdevice(name))


def _of_libdevice(name: str) -> Callable[..., Any]:
    import torch
    import triton.language as tl
    from triton.runtime.interpreter import TensorHandle

    plain = name.removeprefix("fast_").removesuffix("f") if name.startswith("fast_") else name

    def call(*arguments: Any) -> Any:
        if plain not in ALIKE:
            raise NotImplementedError(f"libdevice.{name} is not supported in interpreter mode")
        tensors = [each for each in arguments if isinstance(each, tl.tensor)]
        like = max(tensors, key=lambda tensor: tensor.handle.data.size)
        values = [torch.as_tensor(each.handle.data if isinstance(each, tl.tensor) else each) for each in arguments]
        data = getattr(torch, plain)(*values).numpy().astype(like.handle.data.dtype)
        return tl.tensor(TensorHandle(data, like.dtype.scalar), like.type)

    return call
