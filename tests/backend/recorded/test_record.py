"""Files of records: both forms, compressed or not, and everything that is neither."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.backend.recorded.document import document
from mlopt.backend.recorded.record import read
from mlopt.core.errors import UserError
from mlopt.core.schedule import Schedule
from mlopt.core.trial import Status, Trial

TRIALS = [
    Trial(0, Schedule.of({"a": 1, "b": "x"}), Status.OK, 0.5, (0.25, 0.5), 2.0, {"power": 1.0}),
    Trial(1, Schedule.of({"a": 2, "b": "x"}), Status.CRASH, error="it fell"),
]
LOG = "".join(json.dumps(trial.to_json()) + "\n" for trial in TRIALS).encode()
T4 = json.dumps(document(TRIALS)).encode()


@pytest.mark.parametrize(("name", "content"), [("trials.jsonl", LOG), ("space.json", T4)])
def test_both_forms_are_read_as_they_are_and_compressed(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    assert read(tmp_path / name) == TRIALS
    assert read(tmp_path / f"{name}.gz") == TRIALS


def refused(path: Path, words: str) -> None:
    with pytest.raises(UserError, match=words) as refusal:
        read(path)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("trials.jsonl", b"", "no configuration"),
        ("trials.jsonl", LOG + LOG[:50], "line 3: no trial: Invalid JSON"),
        ("trials.jsonl", b"\n" + LOG.replace(b"0.5", b"NaN"), "line 2: no trial: seconds"),
        ("trials.jsonl", LOG + b"\xff\n", "line 3: .*can't decode"),
        ("trials.jsonl", b"[" * 100_000, "line 1: no trial: .*recursion"),
        ("trials.jsonl", b"x" * (5 << 20), "line 1: no trial: a line of"),
        ("space.json", b"", "not T4"),
        ("space.json", b'{"results": []}', "no configuration"),
        ("space.json", LOG, "not T4"),
        ("space.json.gz", T4, "cannot be read: Not a gzipped file"),
        ("space.json.gz", gzip.compress(T4, mtime=0)[:-30], "cannot be read: Compressed file ended"),
        ("space.json.gz", gzip.compress(T4, mtime=0)[:20] + b"\xff" * 40, "cannot be read"),
        ("space.json.gz", b"", "not T4"),
        ("space.csv", b"a,b\n1,2\n", "T4 file .* or the trials.jsonl"),
        ("space.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0), "T4 file .* or the trials.jsonl"),
    ],
)
def test_damaged_files_are_told_in_one_line(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, words)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_no_more_than_a_limit_is_ever_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr("mlopt.core.record.LARGEST", 1 << 20)
    path = tmp_path / ("space.json.gz" if compress is gzip.compress else "space.json")
    path.write_bytes(compress(b" " * (1 << 20) + T4))
    refused(path, "more than 1 MiB")


def test_a_folder_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "space.json").mkdir()
    refused(tmp_path / "space.json", "T4 file")


@given(st.data())
def test_no_damage_is_more_than_a_mistake(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from([LOG, T4]))
    start = data.draw(st.integers(0, len(content)))
    damaged = content[:start] + data.draw(st.binary(max_size=4)) + content[start + data.draw(st.integers(0, 9)) :]
    path = tmp_path_factory.getbasetemp() / ("damaged.jsonl" if content is LOG else "damaged.json")
    path.write_bytes(damaged)
    with contextlib.suppress(UserError):
        read(path)
