"""Passes as a transform script, so that a pipeline is carried out and exported as every schedule is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..passes import MODULE, Pass, spelled
from .script import Script


def transformation(passes: Sequence[Pass]) -> Any:
    """The transform module that runs passes one after another. Needs an active context."""
    script = Script()
    module = script.payload
    for each in passes:
        options = {name: spelled(value) for name, value in each.options.items()}
        if each.op == MODULE:
            module = script.run_pass(module, each.name, **options)
        else:
            script.run_pass(script.match(module, each.op), each.name, **options)
    return script.finish()
