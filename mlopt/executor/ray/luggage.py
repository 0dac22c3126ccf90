"""What the machines of a cluster are sent along with a study: mlopt as it is here, and the plugins dropped in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def packages(path: Sequence[str] | None = None) -> list[str]:
    """The folders of all packages on `path` (default: this process's) that hold options for mlopt, itself included.

    What is installed, other people's plugins included, is left out: it is for the cluster's owner to install.
    """
    found: dict[str, str] = {}
    for entry in map(Path, sys.path if path is None else path):
        if "site-packages" not in entry.parts:
            for conf in sorted(entry.glob("*/conf/")):
                if (conf.parent / "__init__.py").exists():
                    found.setdefault(conf.parent.name, str(conf.parent.absolute()))
    return list(found.values())
