"""Contraction of two tensors by an einsum, such as those of lattice QCD."""
