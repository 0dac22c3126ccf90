"""Kernels as object code, a shared library, and what is needed to use them from C and Python."""
