"""A program of the user's own, given as MLIR."""
