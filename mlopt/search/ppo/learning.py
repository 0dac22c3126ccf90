"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), in PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .episode import Episode
from .network import Batch, Network, one_thread
from .settings import Settings

Reward = float | NDArray[np.float32]
"""Of an episode: what comes with its last choice, or with each of them, shape (choices,)."""


class Learner:
    """Improves a network by the episodes of its policy."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self._network = network
        self._settings = settings
        self._optimizer = torch.optim.Adam(network.parameters(), settings.rate, eps=1e-5)

    def learn(
        self, episodes: Sequence[Episode], rewards: Iterable[Reward], rng: np.random.Generator
    ) -> Mapping[str, float]:
        """One update by episodes and their rewards; returns its diagnostics by name.

        `kl` is the divergence from the policy that acted (estimated by (r - 1) - log r, Schulman 2020), `clipped` the
        share of ratios beyond the clip, `entropy` that of the policy in nats a choice, `explained_variance` how much of
        the returns' variance the values had foretold, `gradient_norm` the mean before clipping.
        """
        told = [(episode, reward) for episode, reward in zip(episodes, rewards, strict=True) if episode.choices]
        if not told:
            return {}
        estimates = [self._advantages(episode, reward) for episode, reward in told]
        advantages = torch.from_numpy(np.concatenate(estimates))
        values = torch.tensor([value for episode, _ in told for value in episode.values])
        returns = advantages + values
        acted = torch.tensor([each for episode, _ in told for each in episode.log_probabilities])
        taken = torch.tensor([index for episode, _ in told for index in episode.taken])
        batch = Batch([choice for episode, _ in told for choice in episode.choices])
        self._network.train()
        kept: list[tuple[float, ...]] = []
        with one_thread():
            for _ in range(self._settings.epochs):
                order = torch.from_numpy(rng.permutation(len(taken)))
                for rows in order.chunk(min(self._settings.minibatches, len(taken))):
                    kept.append(self._step(batch.rows(rows), taken[rows], acted[rows], advantages[rows], returns[rows]))
                if kept[-1][0] > self._settings.divergence:
                    break
        kl, clipped, entropy, gradient = np.mean(kept, axis=0)
        variance = float(returns.var(unbiased=False))
        explained = 1.0 - float((returns - values).var(unbiased=False)) / variance if variance > 0 else 0.0
        names = ("kl", "clipped", "entropy", "gradient_norm", "explained_variance")
        return dict(zip(names, map(float, (kl, clipped, entropy, gradient, explained)), strict=True))

    def imitate(self, episodes: Sequence[Episode], rng: np.random.Generator) -> float:
        """One step towards episodes that are worth repeating; returns the mean log-probability of their decisions.

        Behaviour cloning of the best that is known, as in self-imitation (Oh et al. 2018, arXiv 1806.05635).
        """
        choices = [choice for episode in episodes for choice in episode.choices]
        if not choices:
            return 0.0
        batch, taken = Batch(choices), torch.tensor([index for episode in episodes for index in episode.taken])
        self._network.train()
        kept = []
        with one_thread():
            order = torch.from_numpy(rng.permutation(len(taken)))
            for rows in order.chunk(min(self._settings.minibatches, len(taken))):
                logs, _ = self._network(batch.rows(rows))
                chosen = logs.gather(1, taken[rows, None]).mean()
                self._descend(-chosen)
                kept.append(float(chosen.detach()))
        return float(np.mean(kept))

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """All that it has learned: the network's weights and the optimizer's moments, by name."""
        weights = {f"network.{name}": tensor for name, tensor in self._network.state_dict().items()}
        moments = self._optimizer.state_dict()["state"]
        kept = {f"optimizer.{row}.{key}": value for row, values in moments.items() for key, value in values.items()}
        return {**weights, **kept}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """The reverse of `tensors`. Raises RuntimeError or ValueError for what does not fit."""
        moments: dict[int, dict[str, torch.Tensor]] = {}
        weights: dict[str, torch.Tensor] = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            if part == "network":
                weights[rest] = tensor
            else:
                row, _, key = rest.partition(".")
                moments.setdefault(int(row), {})[key] = tensor
        for place, moment in moments.items():
            self._check_moments(place, moment)
        self._network.load_state_dict(weights)
        self._network.check()
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": moments})

    def _check_moments(self, place: int, moments: Mapping[str, torch.Tensor]) -> None:
        """Raise ValueError for what Adam does not keep of the parameter in this place."""
        parameters = list(self._network.parameters())
        shape = parameters[place].shape if 0 <= place < len(parameters) else None
        shapes = {"step": torch.Size(), "exp_avg": shape, "exp_avg_sq": shape}
        fit = {key: tensor.shape for key, tensor in moments.items()} == shapes
        if not fit or not all(bool(tensor.isfinite().all()) for tensor in moments.values()):
            raise ValueError(f"the moments of parameter {place} are none of this network")
        if float(moments["step"]) < 1 or bool((moments["exp_avg_sq"] < 0).any()):
            raise ValueError(f"the moments of parameter {place} are none that training leaves")

    def _advantages(self, episode: Episode, reward: Reward) -> NDArray[np.float32]:
        """Generalised advantage estimates of its choices; shape (choices,)."""
        discount, trace = self._settings.discount, self._settings.trace
        advantages, gains = np.zeros((2, len(episode.values)), dtype=np.float32)
        gains[-1 if np.ndim(reward) == 0 else slice(None)] = reward
        following = ahead = 0.0
        for step in reversed(range(len(episode.values))):
            delta = float(gains[step]) + discount * ahead - episode.values[step]
            following = delta + discount * trace * following
            advantages[step], ahead = following, episode.values[step]
        return advantages

    def _step(
        self, batch: Batch, taken: torch.Tensor, acted: torch.Tensor, advantages: torch.Tensor, returns: torch.Tensor
    ) -> tuple[float, float, float, float]:
        """One step along the gradient; returns kl, clipped share, entropy and the gradient's norm."""
        settings = self._settings
        logs, values = self._network(batch)
        now = logs.gather(1, taken[:, None]).squeeze(1)
        ratio = (now - acted).exp()
        scale = advantages.std(unbiased=False) + 1e-8
        normal = (advantages - advantages.mean()) / scale
        surrogate = torch.min(ratio * normal, ratio.clamp(1 - settings.clip, 1 + settings.clip) * normal)
        entropy = -(logs.exp() * logs.masked_fill(~batch.legal, 0.0)).sum(dim=1).mean()
        error = (values - returns).square().mean()
        loss = -surrogate.mean() + settings.value * error - settings.entropy * entropy
        norm = self._descend(loss)
        with torch.no_grad():
            kl = ((ratio - 1) - (now - acted)).mean()
            clipped = ((ratio - 1).abs() > settings.clip).float().mean()
        return float(kl), float(clipped), float(entropy.detach()), norm

    def _descend(self, loss: torch.Tensor) -> float:
        """One step down the gradient; returns its norm before clipping."""
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._settings.gradient)
        self._optimizer.step()
        return float(norm)
