"""The MLIR backend: linalg programs, scheduled by the transform dialect, run in-process on the CPU."""
