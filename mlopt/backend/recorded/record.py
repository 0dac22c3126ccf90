"""Records of measurements as files, which may come from anywhere."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import UserError
from ...core.trial import Trial
from . import t4

LARGEST = 256 << 20
"""Bytes of a record, decompressed; half a million configurations fit, or 100,000 with 32 samples each."""


def read(path: Path) -> list[Trial]:
    """The trials of a study's log (`.jsonl`) or of a T4 file (`.json`), either of them also with `.gz`.

    Raises UserError, in one line, for whatever is neither.
    """
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if not path.is_file() or kind not in (".json", ".jsonl"):
        raise UserError("a record is a T4 file (.json or .json.gz) or the trials.jsonl of a study")
    content = _content(path)
    trials = t4.read(content) if kind == ".json" else list(_log(content))
    if not trials:
        raise UserError("it holds no configuration")
    return trials


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = (gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file).read(LARGEST + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"cannot be read: {error}") from None
    if len(content) > LARGEST:
        raise UserError(f"more than {LARGEST >> 20} MiB when decompressed")
    return content


def _log(content: bytes) -> Iterator[Trial]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            try:
                yield Trial.from_json(line.decode())
            except (UserError, UnicodeDecodeError) as error:
                raise UserError(f"line {number}: {error}") from None
