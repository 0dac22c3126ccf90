"""A file of JSON lines that only grows, and of which nothing is lost, whatever ends its writer."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import UserError


class Journal:
    """Appends a line at a time, which is in the file, as a whole, when `append` returns.

    A file that exists is gone on with (`resume`), or left alone as another study's. It is locked for as long as it is
    open, so that no two processes go on with one study. A last line that a killed writer did not finish is cut off and
    kept in `NAME.torn`. Raises UserError for what stands in the way, such as a full disk.
    """

    def __init__(self, path: Path, resume: bool = False) -> None:
        self._path = path
        try:
            # Unbuffered: what a full disk refused must not be written later, when the file is closed.
            self._file = path.open("a+b" if resume else "x+b", buffering=0)
        except FileExistsError:
            raise UserError(
                f"{path.parent} holds a study already; choose another folder as hydra.run.dir, "
                f"or go on with it by mlopt resume={path.parent}"
            ) from None
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._mend()
        except OSError as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise UserError(f"{path.parent} is in use: another process goes on with this study") from None
            raise self._unwritable(error) from None

    def append(self, entry: Mapping[str, Any]) -> None:
        line = memoryview(json.dumps(entry, allow_nan=False).encode() + b"\n")
        end = os.fstat(self._file.fileno()).st_size
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
            raise self._unwritable(error) from None

    def close(self) -> None:
        """May be called twice."""
        self._file.close()

    def _mend(self) -> None:
        """Cut off what follows the last whole line."""
        content = self._path.read_bytes()
        end = content.rfind(b"\n") + 1
        if torn := content[end:]:
            with self._path.with_name(f"{self._path.name}.torn").open("ab") as kept:
                kept.write(torn + b"\n")
            self._file.truncate(end)

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f"cannot write {self._path}: {error.strerror}; mlopt resume={self._path.parent} goes on later")
