"""Every cheat by its name."""

from __future__ import annotations

from collections.abc import Mapping

from . import early, later, lazy, remembering, tampering, wrong
from .cheat import Cheat
from .early import Early

CHEATS: Mapping[str, Cheat] = {
    "ceases to compute": lazy.ceases_to_compute,
    "repeats an earlier answer": lazy.repeats_an_earlier_answer,
    "computes when bound": lazy.computes_when_bound,
    "computes every second time": lazy.computes_every_second_time,
    "skips what it just did": lazy.skips_what_it_just_did,
    "skips what follows closely": lazy.skips_what_follows_closely,
    "gives the previous answer": lazy.gives_the_previous_answer,
    "writes to where it first wrote": lazy.writes_to_where_it_first_wrote,
    "leaves out what was right": lazy.leaves_out_what_was_right,
    "remembers by address": remembering.remembering(lambda array: array.ctypes.data),
    "remembers by content": remembering.remembering(lambda array: array.tobytes()),
    "remembers by content, for others too": remembering.remembering(lambda array: array.tobytes(), shared=True),
    "remembers by a few elements": remembering.remembering(
        lambda array: array.reshape(-1)[:: max(1, array.size // 8)].tobytes()
    ),
    "remembers by roughly the sum": remembering.remembering(
        lambda array: round(float(array.reshape(-1)[:64].real.sum()), 1)
    ),
    "skips where its answer stands": remembering.skips_where_its_answer_stands,
    "reads the references": remembering.reads_the_references,
    "knows the references": remembering.knows_the_references,
    "computes in half precision": wrong.computes_in_half_precision,
    "takes inputs to be positive": wrong.takes_inputs_to_be_positive,
    "leaves out the last input": wrong.leaves_out_the_last_input,
    "writes to its inputs": wrong.writes_to_its_inputs,
    "finishes later": later.finishes_later,
    "answers later": later.answers_later,
    "computes all the time": later.computes_all_the_time,
    "leaves a process behind": later.leaves_a_process_behind,
    "computes on more threads": later.computes_on_more_threads,
    "slows the clock": tampering.slows_the_clock,
    "changes its priority": tampering.changes_its_priority,
    "leaves its core": tampering.leaves_its_core,
    "catches signals": tampering.catches_signals,
    "rounds upwards": tampering.rounds_upwards,
    "computes where it sees poison": lazy.computes_where_it_sees_poison,
    "overwrites the references": remembering.overwrites_the_references,
    "widens the tolerances": remembering.widens_the_tolerances,
    "takes all numbers to be equal": tampering.takes_all_numbers_to_be_equal,
    "judges itself": tampering.judges_itself,
    "foresees what is drawn": tampering.foresees_what_is_drawn,
    "holds up the others": tampering.holds_up_the_others,
    "looks at its caller": tampering.looks_at_its_caller,
    "looks by a generator": tampering.looks_by_a_generator,
    "looks by the interpreter": tampering.looks_by_the_interpreter,
    "is told who calls": Early(early.is_told_who_calls, early.remembers_unless_compared),
    "empties the judges": tampering.empties_the_judges,
    "halves the median": tampering.halves_the_median,
    "halves the samples": tampering.halves_the_samples,
    "hides a builtin": tampering.hides_a_builtin,
    "replaces the tolerances": tampering.replaces_the_tolerances,
    "skips what it knows and just did": lazy.skips_what_it_knows_and_just_did,
    "skips what follows closely unless poisoned": lazy.skips_what_follows_closely_unless_poisoned,
    "skips what follows closely where all stands": lazy.skips_what_follows_closely_where_all_stands,
    "switches off the checks": Early(
        early.switches_off_the_checks, remembering.remembering(lambda array: array.tobytes())
    ),
    "computes beside": Early(early.computes_beside, early.honest),
    "has a process help": Early(early.has_a_process_help, early.honest),
}


NEED_SHORT_CALLS = tuple(name for name in CHEATS if name.startswith("skips what follows closely"))
"""Those that are honest unless a call takes a few microseconds."""

THREADS = 1
"""What the gallery's kernels may use, so that one of them can use more."""
