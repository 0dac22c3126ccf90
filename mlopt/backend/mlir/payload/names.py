"""Names of MLIR's operations, attributes and passes, and of our own attributes, that several modules speak of."""

from __future__ import annotations

TAG = "mlopt.nest"
"""The attribute by which an operation is found again after it was tiled or fused."""

INSIDE = "mlopt.inside"
"""The attribute of a padding: for each loop the first iteration that reads its source, and the end of these."""

MEMOIZED = "linalg.memoized_indexing_maps"
"""What named operations leave behind; it would contradict new maps."""

WIDEN, NARROW = "arith.extf", "arith.truncf"
"""Between floating-point numbers of different width."""

ELEMENTWISE = "func.func(convert-elementwise-to-linalg)"
"""Makes linalg of arithmetic on whole tensors."""
