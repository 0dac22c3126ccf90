"""Softmax of each row: y[i, j] = exp(x[i, j]) / sum_j exp(x[i, j])."""
