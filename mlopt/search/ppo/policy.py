"""Policies as files: tensors and plain data (safetensors), so that reading one runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import UserError, summary
from .encoding import KNOB, NEST, OPTION
from .network import Network

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 64 << 20
"""Bytes of a file; a policy takes a few million."""

DEFAULT = Path(__file__).with_name("default.safetensors")
"""Trained by `mlopt train`; `card.md` beside it says how."""

FORMAT = {"format": "mlopt.ppo", "version": 1, "nest": NEST, "knob": KNOB, "option": OPTION}
"""What a policy was made for: it understands encodings of these sizes alone."""


def named(name: str) -> tuple[Network, Mapping[str, Any]]:
    """The policy that a configuration names: `default`, which comes with mlopt, or a file. Raises UserError."""
    try:
        path = DEFAULT if name == "default" else Path(name).expanduser()
    except RuntimeError as error:  # of a user that there is not
        raise UserError(f"cannot be read: {error}") from None
    return load(path)


def save(path: Path, network: Network, card: Mapping[str, Any]) -> None:
    """Write a policy with its card: what it was trained on, by whom, and how it did, as JSON."""
    about = {"made_for": {**FORMAT, "nests": network.nests, "producers": network.producers}, "card": dict(card)}
    write_tensors(path, network.state_dict(), {name: json.dumps(value) for name, value in about.items()})


def load(path: Path) -> tuple[Network, Mapping[str, Any]]:
    """The policy in a file, and its card. Raises UserError, in one line, for what is none, or one of another form."""
    try:
        tensors, about = read_tensors(path, LARGEST)
        made_for, card = json.loads(about["made_for"]), json.loads(about["card"])
        if not isinstance(card, dict) or {key: made_for[key] for key in FORMAT} != FORMAT:
            raise UserError("a policy for another version of mlopt")
        network = Network(np.random.default_rng(0), made_for["nests"], bool(made_for["producers"]))
        network.load_state_dict(dict(tensors))
        network.check()
    except (KeyError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise UserError(f"no policy of mlopt's: {summary(error)[:200]}") from None
    return network, card


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """A file of tensors, and of texts about them."""
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, dict(about))


def read_tensors(path: Path, largest: int) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
    """What is in such a file, of `largest` bytes at most. Raises UserError, in one line, for what is none."""
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > largest:
            raise UserError(f"is larger than {largest >> 20} MiB")
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(f"cannot be read: {error}") from None
