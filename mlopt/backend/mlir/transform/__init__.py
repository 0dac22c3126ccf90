"""How decisions are carried out: transform-dialect scripts."""

from . import matmul, pipeline, program

__all__ = ["matmul", "pipeline", "program"]
