"""The policy and the value of a state, in PyTorch: this module is imported only where a policy is at work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import UserError, nearest
from .encoding import KNOB, NEST, OPTION, Choice

Nests = Literal["lstm", "transformer"]
"""How the pair of producer and consumer is read."""

WIDTH = 128
HEADS = 4

LARGEST = 100.0
"""Of a weight: those of policies that were trained stay below 10, and no product of weights below it is infinite."""


class Network(nn.Module):
    """Scores the options of a choice, and foretells the return of its episode.

    Producer and consumer are read one after the other by an LSTM (or by one layer of a transformer), as in MLIR-RL.
    What was decided so far, about this nest and in all, is a sum of decisions. Each option is scored against that
    state, so that there may be any number of them, of any knob; the legal options are all there are, which is the mask.
    """

    def __init__(self, rng: np.random.Generator, nests: Nests = "lstm", producers: bool = True) -> None:
        """Weights are drawn from `rng`. Without `producers` only the nest that is decided about is read.

        Raises UserError where nests are to be read in a way that there is not.
        """
        if nests not in (known := get_args(Nests)):
            raise UserError(f"nests={nests} must be {' or '.join(known)}{nearest(str(nests), known)}")
        super().__init__()
        self.nests, self.producers = nests, producers
        with torch.device("meta"):  # weights come from `rng` alone
            self.nest = _perceptron(NEST, WIDTH, WIDTH)
            self.sequence: nn.Module
            if nests == "lstm":
                self.sequence = nn.LSTM(WIDTH, WIDTH, batch_first=True)
            else:
                layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.0, batch_first=True)
                self.sequence = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
            self.decision = _perceptron(KNOB + OPTION, WIDTH, WIDTH // 2)
            self.trunk = _perceptron(WIDTH + WIDTH + KNOB, 2 * WIDTH, WIDTH)
            self.option = _perceptron(OPTION, WIDTH, WIDTH)
            self.score = _perceptron(2 * WIDTH, WIDTH, 1)
            self.value = _perceptron(WIDTH, WIDTH, 1)
        self.to_empty(device="cpu")
        with one_thread():  # or weights would differ with the number of cores
            self._initialise(rng)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logarithms of the options' probabilities, shape (choices, options), and values, shape (choices,)."""
        state = self.trunk(torch.cat([self._read(batch), self._history(batch), batch.knob], dim=1))
        options = self.option(batch.options)
        around = state[:, None, :].expand(-1, options.shape[1], -1)
        scores = self.score(torch.cat([around * options, options], dim=2)).squeeze(2)
        scores = scores.masked_fill(~batch.legal, -torch.inf)
        return torch.log_softmax(scores, dim=1), self.value(state).squeeze(1)

    def check(self) -> None:
        """Raise ValueError for weights that no training leaves, and that score nothing, such as NaN."""
        for name, weights in self.state_dict().items():
            if not bool((weights.abs() <= LARGEST).all()):
                raise ValueError(f"{name} has weights that are no numbers, or too large")

    def _read(self, batch: Batch) -> Tensor:
        """Shape (choices, WIDTH): producer and consumer."""
        pair = [self.nest(batch.producer), self.nest(batch.nest)] if self.producers else [self.nest(batch.nest)]
        read = self.sequence(torch.stack(pair, dim=1))
        output: Tensor = read[0] if self.nests == "lstm" else read
        return output[:, -1]

    def _history(self, batch: Batch) -> Tensor:
        """Shape (choices, WIDTH): what was decided about the nest, and in all."""
        return torch.cat([self.decision(batch.here), self.decision(batch.before)], dim=1)

    def _initialise(self, rng: np.random.Generator) -> None:
        """Orthogonal weights (Saxe et al. 2014), small ones where scores and values come out (Andrychowicz 2021)."""
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 63)))
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.ndim < 2:
                    parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
                else:
                    last = name in ("score.2.weight", "value.2.weight")
                    nn.init.orthogonal_(parameter, 0.01 if last else 2**0.5, generator=generator)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch to one thread: matrices this small gain nothing by more, and kernels may be timed meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Batch:
    """Several choices, their options filled up to the same number."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        most = max(len(choice.options) for choice in choices)
        options = np.zeros((len(choices), most, OPTION), dtype=np.float32)
        legal = np.zeros((len(choices), most), dtype=bool)
        for row, choice in enumerate(choices):
            options[row, : len(choice.options)] = choice.options
            legal[row, : len(choice.options)] = True
        self.options, self.legal = torch.from_numpy(options), torch.from_numpy(legal)
        self.nest = _stacked([choice.nest for choice in choices])
        self.producer = _stacked([choice.producer for choice in choices])
        self.knob = _stacked([choice.knob for choice in choices])
        self.here = _stacked([choice.here for choice in choices])
        self.before = _stacked([choice.before for choice in choices])

    def rows(self, rows: Tensor) -> Batch:
        """Some of the choices."""
        part = object.__new__(Batch)
        part.__dict__.update({name: tensor[rows] for name, tensor in vars(self).items()})
        return part


def _stacked(vectors: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(vectors))


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
