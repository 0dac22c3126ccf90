"""What judges a kernel cannot be replaced by it, and who looks at what is not its own shows."""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import functools
import gc
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from doubles import Function, ToyProgram

from mlopt.core.errors import WrongResult
from mlopt.evaluator import correctness, novelty
from mlopt.evaluator.correctness import TIMED, Case, case, is_wrong
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.prying import FEWEST, Prying, prying
from mlopt.evaluator.surroundings import Surroundings, unchanged
from mlopt.evaluator.watch import Watch
from mlopt.protocols import Array
from mlopt.workloads.matmul.workload import Matmul

pytestmark = pytest.mark.usefixtures("own_device")
MATMUL = Matmul(5, 6, 7)


def replace_a_function() -> None:
    np.array_equal = lambda *arrays: True


def replace_a_method() -> None:
    Case.compare = lambda *arguments: None  # type: ignore[assignment, method-assign]


def hide_an_inherited_method() -> None:
    Matmul.tolerance = lambda *arguments: (np.zeros(()),)  # type: ignore[assignment, method-assign]


def change_a_constant() -> None:
    novelty.SLOWER = 1e9


@pytest.mark.parametrize("change", [replace_a_function, replace_a_method, hide_an_inherited_method, change_a_constant])
def test_what_is_replaced_is_put_back_and_named(change: Callable[[], None]) -> None:
    before = np.array_equal, Case.compare, Matmul.tolerance, novelty.SLOWER
    with pytest.raises(WrongResult, match="the kernel changed"), unchanged():
        change()
    assert (np.array_equal, Case.compare, Matmul.tolerance, novelty.SLOWER) == before
    assert "tolerance" not in vars(Matmul)


def test_settings_of_the_process_are_put_back() -> None:
    before = sys.getswitchinterval()
    with pytest.raises(WrongResult, match="settings"), unchanged():
        sys.setswitchinterval(2 * before)
    assert sys.getswitchinterval() == before


def test_references_cannot_be_written_to() -> None:
    known = case(MATMUL, 0, TIMED)
    for array in (*known.expected, *known.allowed, *known.pristine):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)


def look_by_an_error() -> object:
    try:
        raise ValueError
    except ValueError as error:
        return error.__traceback__ and error.__traceback__.tb_frame


def look_by_a_generator() -> object:
    return (each for each in "ab").gi_frame


async def _nothing() -> None:
    pass


def look_by_a_coroutine() -> object:
    coroutine = _nothing()
    try:
        return coroutine.cr_frame
    finally:
        coroutine.close()


LOOKS = [sys._getframe, sys._current_frames, look_by_an_error, look_by_a_generator, look_by_a_coroutine]


@pytest.mark.parametrize("look", LOOKS)
def test_looks_are_heard_while_somebody_listens(look: Callable[[], object]) -> None:
    prying = Prying()
    look()
    prying.listen()
    assert not prying.heard()
    prying.listen()
    look()
    assert prying.heard()
    look()
    prying.listen()
    assert not prying.heard()


@pytest.mark.parametrize("inside", ["__code__", "__defaults__", "__kwdefaults__"])
def test_the_inside_of_a_function_that_judges_stays(inside: str) -> None:
    before = vars_of(is_wrong)
    with pytest.raises(WrongResult, match="how they judge"), unchanged(), contextlib.suppress(PermissionError):
        setattr(is_wrong, inside, vars_of(looking)[inside])
    assert vars_of(is_wrong) == before
    with unchanged():
        looking.__defaults__ = looking.__defaults__  # nobody's judge


def vars_of(function: Any) -> dict[str, Any]:
    return {name: getattr(function, name) for name in ("__code__", "__defaults__", "__kwdefaults__")}


def searching(search: Callable[[], object]) -> None:
    prying().listen()
    search()
    prying().heard()


@pytest.mark.parametrize("search", [gc.get_objects, functools.partial(gc.get_referrers, 1)])
def test_a_search_of_what_others_hold_is_an_offence_while_a_kernel_is_at_work(search: Callable[[], object]) -> None:
    with unchanged():
        search()
    with pytest.raises(WrongResult, match="searches"), unchanged():
        searching(search)


def test_a_frame_from_the_interpreters_library_is_an_offence() -> None:
    with pytest.raises(WrongResult, match="searches"), unchanged():
        ctypes.PyDLL(None).PyEval_GetFrame  # noqa: B018


def test_who_is_told_of_calls_is_put_off() -> None:
    before = sys.getprofile()
    with pytest.raises(WrongResult, match="told who calls"), unchanged():
        sys.setprofile(lambda *arguments: None)
    assert sys.getprofile() is before


def test_what_was_there_before_counts_and_not_what_is_there_at_the_start() -> None:
    before, interval = Surroundings(), sys.getswitchinterval()
    sys.setswitchinterval(2 * interval)
    with pytest.raises(WrongResult, match="settings"), unchanged(before):
        pass
    assert sys.getswitchinterval() == interval
    with unchanged(before):
        pass


def hide_a_builtin_name() -> None:
    correctness.any = lambda values: False  # type: ignore[attr-defined]


def replace_the_median() -> None:
    statistics.median = max


def replace_a_builtin() -> None:
    builtins.sorted = list  # type: ignore[assignment]


@pytest.mark.parametrize("change", [hide_a_builtin_name, replace_the_median, replace_a_builtin])
def test_what_judges_call_is_put_back_too(change: Callable[[], None]) -> None:
    before = statistics.median, sorted
    with pytest.raises(WrongResult, match="the kernel changed"), unchanged():
        change()
    assert (statistics.median, sorted) == before
    assert not hasattr(correctness, "any")


def test_cases_and_watches_cannot_be_given_other_parts() -> None:
    for judge, part in ((case(MATMUL, 0, TIMED), "allowed"), (Watch(*[None] * 10), "patience")):
        with pytest.raises(AttributeError):
            object.__setattr__(judge, part, None)


def looking(times: float) -> Callable[[], Function]:
    """Makes a right kernel that looks at its caller so often, and then no more."""

    def make() -> Function:
        calls = 0

        def multiply(a: Array, b: Array, c: Array) -> None:
            nonlocal calls
            calls += 1
            if calls <= times:
                sys._getframe(1)
            np.matmul(a, b, out=c)

        return multiply

    return make


def test_who_looks_in_every_call_is_wrong_and_who_loads_a_library_is_not() -> None:
    evaluator = Execution(seconds=0.003, precision=1.0)
    assert evaluator.evaluate(ToyProgram(looking(FEWEST - 1)), MATMUL, None).seconds
    with pytest.raises(WrongResult, match="looks at who calls it"):
        evaluator.evaluate(ToyProgram(looking(np.inf)), MATMUL, None)
