"""Batched matrix product: C[b, m, n] = A[b, m, k] B[b, k, n]."""
