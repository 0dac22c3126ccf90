"""What the knobs of a matrix product are for, in words for whoever decides them."""

from __future__ import annotations

from collections.abc import Mapping

PURPOSE: Mapping[str, str] = {
    "reg_n": "columns of the register tile, in whole vectors",
    "reg_m": "rows of the register tile; its accumulators fill the registers",
    "reg_k": "unrolling of k in the innermost loop",
    "reg_order": "register-tile loops, outer first",
    "tile_m": "cache tile of m; with tile_k, what stays of A in the second cache",
    "tile_n": "cache tile of n; with tile_k, what stays of B in the last cache",
    "tile_k": "cache tile of k; reg_n columns of B so deep stay in the first cache",
    "pack_a": "A copied in the order of register tiles: not, by cache tile, block, once",
    "pack_b": "B copied in the order of register tiles: not, by cache tile, block, once",
    "remainder": "partial tiles: masked, or peeled off",
    "accumulate": "how much of C is cleared and written back at once",
}
"""By the knob's name."""
