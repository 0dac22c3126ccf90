"""How a policy learns."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import limit


@dataclass(frozen=True)
class Settings:
    """The figures of PPO; the names are those of the paper where it has some."""

    epochs: int = 4
    minibatches: int = 4
    rate: float = 3e-4
    """Adam's."""
    clip: float = 0.2
    """Epsilon: how far the ratio of probabilities may leave 1."""
    discount: float = 1.0
    """Gamma."""
    trace: float = 0.95
    """Lambda of the advantages (Schulman et al. 2016, arXiv 1506.02438)."""
    value: float = 0.5
    """Weight of the value's error in the loss."""
    entropy: float = 0.01
    """Weight of the entropy in the loss."""
    gradient: float = 0.5
    """Norm at which gradients are clipped."""
    divergence: float = 0.03
    """KL divergence from the policy that acted, after which the rest of the epochs is left out."""

    def __post_init__(self) -> None:
        for name in ("epochs", "minibatches"):
            limit(f"learning.{name}", getattr(self, name), 1)
        for name in ("rate", "clip", "gradient", "divergence"):
            limit(f"learning.{name}", getattr(self, name), 1e-9)
        for name in ("discount", "trace"):
            limit(f"learning.{name}", getattr(self, name), 0, 1)
        for name in ("value", "entropy"):
            limit(f"learning.{name}", getattr(self, name), 0)
