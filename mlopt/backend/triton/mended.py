"""What of Triton's interpreter is put right in a process that interprets; `rerun.py` has a copy beside it."""

from __future__ import annotations

from typing import Any

import numpy as np


def mend() -> None:
    """Mend the interpreter, once a process."""
    _mend_scalars()
    _mend_bfloat16()


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
