"""A gallery of kernels that cheat: each is an honest one in disguise, which looks faster than it is, or does harm.

`backend.CheatingBackend` makes the kernels of any backend cheat. An evaluator that executes must find every one of them
wrong.
"""
