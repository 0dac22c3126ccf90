"""The space of pass pipelines: each schedule is a pipeline of its own."""

from __future__ import annotations

from mlopt.backend.mlir.bindings import active
from mlopt.backend.mlir.passes import Pipelines
from mlopt.backend.mlir.space.pipeline import PipelineSpace
from mlopt.backend.mlir.transform.pipeline import transformation
from mlopt.core.schedule import Schedule
from mlopt.protocols import Space
from mlopt.testing import SpaceContract
from mlopt.testing.space import walks

PIPELINES = Pipelines.model_validate_json(
    """{"before": ["first"], "after": ["last"], "passes": [
        {"pass": "tile", "op": "func.func", "optional": true, "options": {"size": [32, 8, 16], "how": "fast"}},
        {"any_order": [{"pass": "a", "optional": true}, "b", {"pass": "c", "optional": true}]},
        {"any_order": ["x", {"pass": "x", "label": "y", "options": {"way": ["up", "down"], "deep": true}}]}]}"""
)


class TestPipelineSpace(SpaceContract):
    def make(self) -> Space:
        return PipelineSpace(PIPELINES)


def pipeline(**changes: object) -> str:
    """The passes of the first schedule that has these values ('_' stands for '.')."""
    space = PipelineSpace(PIPELINES)
    wanted = {name.replace("_", "."): value for name, value in changes.items()}
    schedule = next(s for s in every(space) if wanted.items() <= s.values().items())
    return ",".join(each.text for each in space.passes(schedule))


def every(space: PipelineSpace) -> list[Schedule]:
    found = [Schedule()]
    for _ in space.knobs:
        found = [prefix.then(option) for prefix in found for option in space.options(prefix)]
    return found


def test_each_schedule_is_a_pipeline_of_its_own() -> None:
    space = PipelineSpace(PIPELINES)
    schedules = every(space)
    texts = {",".join(each.text for each in space.passes(schedule)) for schedule in schedules}
    orders = 1 + 2 + 2 + 6  # of b, of b with a or c, of all three
    assert len(texts) == len(schedules) == space.count() == (1 + 3) * orders * 2 * 2


def test_passes_run_where_the_file_and_the_schedule_say() -> None:
    assert pipeline(tile=False, a=False, c=False) == "first,b,x,x{way=up deep=true}"
    tiled = pipeline(tile=True, tile_size=8, a=True, c=False)
    assert tiled.startswith("first,func.func(tile{size=8 how=fast}),a,b,x")


def test_numbers_are_in_order_and_words_are_not() -> None:
    knobs = {knob.name: knob for knob in PipelineSpace(PIPELINES).knobs}
    assert (knobs["tile.size"].kind, knobs["tile.size"].values) == ("ordinal", (8, 16, 32))
    assert (knobs["y.way"].kind, knobs["y.way"].values) == ("categorical", ("up", "down"))
    assert set(knobs) == {"tile", "tile.size", "a", "c", "order 1", "y.way", "order 2"}


def test_the_script_runs_each_pass_on_what_the_one_before_left() -> None:
    space = PipelineSpace(PIPELINES)
    schedule = next(s for s in walks(space) if s.values()["tile"] and not s.values()["a"])
    with active():
        script = str(transformation(space.passes(schedule)))
    first, found, tile = (
        line for line in script.splitlines() if "first" in line or "func.func" in line or "tile" in line
    )
    assert first.split()[0] in found
    assert found.split()[0] in tile.rpartition(" to ")[2]
    assert '{"how" = "fast", "size" = "' in tile
