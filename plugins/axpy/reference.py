import numpy as np


def reference(x, y, alpha):
    """alpha x + y in float64."""
    return (alpha * x.astype(np.float64) + y,)


def tolerance(x, y, alpha):
    """Of a product and a sum, each rounded once: half an epsilon of what they are at most."""
    return (np.finfo(np.float32).eps * (2.0 * np.abs(alpha * x.astype(np.float64)) + np.abs(y)),)
