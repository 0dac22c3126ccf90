"""Policies as files: tensors and plain data (safetensors), so that reading one runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import UserError
from .encoding import KNOB, NEST, OPTION
from .network import Network

LARGEST = 64 << 20
"""Bytes of a file; a policy takes a few million."""

FORMAT = {"format": "mlopt.ppo", "version": 1, "nest": NEST, "knob": KNOB, "option": OPTION}
"""What a policy was made for: it understands encodings of these sizes alone."""


def save(path: Path, network: Network, card: Mapping[str, Any]) -> None:
    """Write a policy with its card: what it was trained on, by whom, and how it did, as JSON."""
    from safetensors.torch import save_file

    about = {"made_for": {**FORMAT, "nests": network.nests, "producers": network.producers}, "card": dict(card)}
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, path, {name: json.dumps(value) for name, value in about.items()})


def load(path: Path) -> tuple[Network, Mapping[str, Any]]:
    """The policy in a file, and its card. Raises UserError, in one line, for what is none, or one of another form."""
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"more than {LARGEST >> 20} MiB is no policy")
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            made_for, card = json.loads(about["made_for"]), json.loads(about["card"])
            if not isinstance(card, dict) or {key: made_for[key] for key in FORMAT} != FORMAT:
                raise UserError("a policy for another version of mlopt")
            network = Network(np.random.default_rng(0), made_for["nests"], bool(made_for["producers"]))
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot be read as a policy: {error}") from None
    except (KeyError, TypeError, ValueError, RuntimeError, RecursionError) as error:
        raise UserError(f"no policy of mlopt's: {str(error).splitlines()[0][:200]}") from None
    return network, card
