"""How decisions are carried out: transform-dialect scripts."""

from . import matmul, program

__all__ = ["matmul", "program"]
