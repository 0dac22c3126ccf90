"""What judges a kernel cannot be replaced by it, and who looks at what is not its own shows."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from doubles import Function, ToyProgram

from mlopt.core.errors import WrongResult
from mlopt.evaluator import novelty
from mlopt.evaluator.correctness import TIMED, Case, case
from mlopt.evaluator.execution import Execution
from mlopt.evaluator.prying import FEWEST, Prying
from mlopt.evaluator.surroundings import unchanged
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


LOOKS = [sys._getframe, sys._current_frames, look_by_an_error]


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
