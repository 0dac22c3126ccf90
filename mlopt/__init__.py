"""mlopt finds the fastest way to compile a kernel, and proves it."""

__version__ = "0.1.0"
