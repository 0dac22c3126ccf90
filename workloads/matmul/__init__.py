"""Matrix product: C[m, n] = A[m, k] B[k, n]."""
