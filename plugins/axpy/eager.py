import torch


def eager(x, y, alpha):
    """alpha x + y."""
    return torch.add(y, x, alpha=alpha)
