"""Studies read back from their folders, as far as a comparison asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlopt.compare.methods import compare
from mlopt.compare.reading import Found, read_all, study_folders
from mlopt.core.errors import UserError

H200 = {"uuid": "GPU-1", "name": "H200", "driver_version": "570.1", "clocks.sm": "1980 MHz"}


def study(folder: Path, search: str = "evolve", level: float = 1.0, **others: Any) -> None:
    """Write what a study of six trials leaves behind."""
    found = {
        "workload": {"name": "matmul"},
        "backend": "triton",
        "search": search,
        "evaluator": "execution",
        "seed": 0,
        "threads": 1,
        "best": {"seconds": level},
        "fingerprint": {"cpu": "a CPU", "cores": 8},
        "devices": [H200],
        **others,
    }
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text(f"search: {{name: {search}}}\nbudget: {{trials: 6}}\n")
    (folder / "result.json").write_text(json.dumps(found))
    lines = [{"trial": n, "schedule": {"n": n}, "status": "ok", "seconds": level + 0.1 * n} for n in range(6)]
    (folder / "trials.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def read_below(folder: Path) -> Found:
    return read_all(study_folders(folder))


@pytest.mark.parametrize(
    ("others", "unfair"),
    [
        ({"devices": [{**H200, "uuid": "GPU-2", "clocks.sm": "345 MHz"}]}, []),
        ({"devices": [{**H200, "name": "H100"}]}, ["machine: devices.0.name is H200 and H100"]),
        ({"devices": [{**H200, "driver_version": "1"}]}, ["machine: devices.0.driver_version is 570.1 and 1"]),
        ({"devices": []}, ["machine: devices.0.name is H200 and None"]),
        ({"fingerprint": {"cpu": "a CPU", "cores": 4}}, ["machine: cores is 8 and 4"]),
        ({"workload": {"name": "matmul", "flops": 7}}, ["work: flops is None and 7"]),
    ],
)
def test_studies_on_other_devices_or_cores_or_of_another_program_are_not_on_equal_terms(
    tmp_path: Path, others: dict[str, Any], unfair: list[str]
) -> None:
    study(tmp_path / "0", "evolve", 1.0)
    study(tmp_path / "1", "random", 2.0, **others)
    (pair,) = compare(read_below(tmp_path).studies, np.random.default_rng(0)).pairs
    assert list(pair.unfair) == unfair


def test_studies_with_other_numbers_of_threads_have_nothing_in_common(tmp_path: Path) -> None:
    study(tmp_path / "0", "evolve")
    study(tmp_path / "1", "random", threads=2)
    (pair,) = compare(read_below(tmp_path).studies, np.random.default_rng(0)).pairs
    assert pair.p is None
    assert pair.unfair[0].startswith("nothing in common: threads is ")


def test_devices_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    study(tmp_path / "0", devices="H200")
    with pytest.raises(UserError, match=r"result\.json is no study's result: devices") as caught:
        read_below(tmp_path)
    assert "\n" not in str(caught.value)


def test_studies_that_differ_in_their_seeds_alone_are_one_method_on_one_space(tmp_path: Path) -> None:
    for seed in range(3):
        study(tmp_path / str(seed), seed=seed)
        config = tmp_path / str(seed) / ".hydra" / "config.yaml"
        config.write_text(f"{config.read_text()}seed: {seed}\nworkload: {{seed: {seed // 2}}}\n")
    first, second, other = read_below(tmp_path).studies
    assert [each.seed for each in (first, second, other)] == [0, 1, 2]
    assert first.space == second.space != other.space  # the workload's own seed is another thing
    assert first.settings == second.settings == other.settings


@pytest.mark.parametrize("text", ["a: [", "search: &s {name: evolve}\nbackend: *s\n", "\x00"])
def test_a_configuration_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    study(tmp_path / "0")
    (tmp_path / "0" / ".hydra" / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"cannot read .*config\.yaml"):
        read_below(tmp_path)


def test_whatever_yaml_knows_may_be_a_setting(tmp_path: Path) -> None:
    study(tmp_path / "0")
    config = tmp_path / "0" / ".hydra" / "config.yaml"
    config.write_text("search: {when: 2020-01-01, 3: !!binary aGk=, much: .inf}\n")
    (one,) = read_below(tmp_path).studies
    assert one.settings["when"] == "2020-01-01"
    assert compare([one], np.random.default_rng(0)).methods[0].name == "evolve"


def test_a_trial_that_the_finals_found_wrong_has_reached_nothing(tmp_path: Path) -> None:
    study(tmp_path / "0", lost={"trial 0": "WrongResult: output 0", "trial 1": "WorkerLost: killed", "x": "y"})
    (one,) = read_below(tmp_path).studies
    assert one.objectives == [None, *(1.0 + 0.1 * n for n in range(1, 6))]


def test_studies_that_have_not_ended_are_left_out_and_named(tmp_path: Path) -> None:
    for name in ("0", "1", "2", "3", "4"):
        study(tmp_path / name, interrupted=name == "1")
    for name in ("2", "3", "4"):
        (tmp_path / name / "result.json").unlink()
    found = read_below(tmp_path)
    assert [each.folder.name for each in found.studies] == ["0"]
    assert [folder.name for folder in found.unfinished] == ["1", "2", "3", "4"]
    (note,) = found.notes
    assert note.startswith("4 studies are left out that have not ended: ")
    assert note.endswith(f"{tmp_path / '3'} and 1 more")
    assert Found(found.studies).notes == []


@pytest.mark.parametrize(
    ("starts", "seconds", "elapsed"),
    [
        ((0, 1, 3601, 3602), 4000.0, [1.0, 2.0, 3602.0, 3603.0]),
        ((0, 1, 3601, 3602), None, [1.0, 2.0, 3602.0, 3603.0]),
        ((0, 1, 3601, 3602), 20.0, [1.0, 2.0, 3.0, 4.0]),
        ((0, 1, 5, 3601, 9602), 20.0, [1.0, 2.0, 6.0, 7.0, 8.0]),
    ],
)
def test_the_time_for_which_a_study_was_interrupted_is_not_its_own(
    tmp_path: Path, starts: tuple[int, ...], seconds: float | None, elapsed: list[float]
) -> None:
    study(tmp_path / "0", wall_seconds=seconds)
    began = datetime(2026, 11, 26, tzinfo=UTC)
    lines = [
        {
            "trial": number,
            "schedule": {},
            "status": "ok",
            "seconds": 1.0,
            "started": (began + timedelta(seconds=start)).isoformat(),
            "finished": (began + timedelta(seconds=start + 1)).isoformat(),
        }
        for number, start in enumerate(starts)
    ]
    (tmp_path / "0" / "trials.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (one,) = read_below(tmp_path).studies
    assert list(one.elapsed) == pytest.approx(elapsed)
