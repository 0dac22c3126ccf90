"""What carries a recipe out: the bindings in this process, or a user's `mlir-opt`."""
