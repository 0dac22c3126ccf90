"""Gaussian error linear unit: y = x (1 + erf(x / sqrt 2)) / 2."""
