"""Maximum over windows: y[n, c, i, j] = max x[n, c, i stride + p, j stride + q] over p, q < k."""
