"""What may be rewritten of a kernel's file, and what may be written there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlopt.backend.triton.region import BEGIN, END, LONGEST, Region, region
from mlopt.core.errors import InvalidSchedule, UserError

KERNELS = sorted((Path(__file__).parents[3] / "workloads").glob("*/kernel.py"))
HEAD = "@triton.jit\ndef f(x, y, N: tl.constexpr = 3):\n    "
FILE = f"""\
import torch
import triton
import triton.language as tl

SCALE = tl.constexpr(2.0)


def launch(x):
    return x


{BEGIN}
{HEAD}tl.store(x, SCALE)
{END}


@triton.jit
def helper(x):
    return x
"""


def found(text: str = FILE) -> Region:
    marked = region(text)
    assert marked is not None
    return marked


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.parent.name)
def test_mlopts_own_kernels_can_be_rewritten_and_are_whole(path: Path) -> None:
    marked = found(path.read_text())
    assert marked.rewritten(marked.text) == path.read_text()
    assert "def launch" not in marked.text
    assert "@triton.jit" in marked.text


def test_a_file_without_marks_has_none() -> None:
    assert region(FILE.replace(BEGIN, "").replace(END, "")) is None


@pytest.mark.parametrize("text", [FILE.replace(END, ""), FILE + f"{BEGIN}\n{END}\n", f"{END}\n{BEGIN}\n"])
def test_marks_that_are_no_pair_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"one line '{BEGIN}'"):
        region(text)


def test_marks_around_a_launcher_are_refused() -> None:
    with pytest.raises(UserError, match=r"rewritten: line 1 of the source is neither a kernel nor a constant"):
        region(f"{BEGIN}\ndef launch(x):\n    return x\n{END}\n")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "tl.store(y + tl.arange(0, N), SCALE * helper(tl.load(x)).to(tl.float32), mask=x.shape[0] > 1)",
        HEAD + '"""What it does."""\n    for i in range(0, triton.cdiv(N, 2)):\n        x += max(i, 1)',
        f"LIMIT = tl.constexpr(-1.5)\nOTHER = (1, 2)\n{HEAD}g(x, LIMIT)\n\n@triton.jit\ndef g(x, z):\n    return x + z",
    ],
)
def test_kernels_and_constants_may_stand_there(text: str) -> None:
    assert found().rewritten(text) == FILE.replace(f"{HEAD}tl.store(x, SCALE)", text)


HOSTILE = [
    "import os",
    "print(1)",
    "launch = 3",
    "tl = 1",
    "SCALE = 1",
    "A = open('x')",
    "A = tl.constexpr(open('x'))",
    "A: int = open('x')",
    "def f(x):\n    return x",
    "class A:\n    x = 1",
    "@a" + 400 * ".a" + "\ndef f(x):\n    return x",
    "A = a" + 400 * ".a" + "(1)",
    "@(lambda f: f)\ndef f(x):\n    return x",
    "@triton.autotune([], key=[])\n@triton.jit\ndef f(x):\n    return x",
    "@triton.jit\ndef f(x=open('a')):\n    return x",
    "@triton.jit\ndef f(x: open('a')):\n    return x",
    "@triton.jit\ndef f(x) -> open('a'):\n    return x",
    "@triton.jit\ndef f(*x):\n    return x",
    "@triton.jit\ndef launch(x):\n    return x",
    "@triton.jit\ndef range(x):\n    return x",
    "@triton.jit\ndef f(tl):\n    tl.core",
    *(
        HEAD + line
        for line in (
            "import os",
            "tl.core.sys",
            "tl.math.core",
            "tl.extra.cuda",
            "tl.inline_asm_elementwise('', '', [x], tl.int32, True, 1)",
            "triton.language.core",
            "triton.runtime.driver",
            "torch.load('x')",
            "module = tl",
            "[tl][0].core",
            "tl = 3",
            "open('a')",
            "eval('1')",
            "getattr(x, 'y')",
            "x.__class__",
            "x._builder",
            "().__class__.__base__",
            "(lambda: 1)()",
            "f'{x.a}'",
            "yield x",
            "global launch",
            "with x:\n        pass",
            "try:\n        pass\n    finally:\n        pass",
            "def inner():\n        pass",
            "g = (i for i in range(1))",
            "g = {i for i in range(1)}",
            "g = {1: 2}",
            "x.gi_frame.f_builtins",
            "x.f_globals",
            "f.fn",
            "f.used_global_vals",
            "x.handle.data.tofile('a')",
            "'{0.a}'.format(x)",
            "if (z := 3):\n        pass",
            "del x",
            "raise x",
            "tl" + 400 * ".a" + "._x",
            "KNOBS",
        )
    ),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_anything_else_is_refused_with_a_reason_of_one_line(text: str) -> None:
    with pytest.raises(InvalidSchedule) as raised:
        found().rewritten(text)
    assert len(str(raised.value).splitlines()) == 1


LAUNCHED = FILE.replace("def launch(x):\n", "def launch(x):\n    f[(1,)](x, x)\n")


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace("x, y", "x, y: tl.constexpr"),
        HEAD.replace(": tl.constexpr", ""),
        HEAD.replace("= 3", "= 4"),
        HEAD.replace("x, y", "y, x"),
        HEAD.replace("x, y", "x, /, y"),
        HEAD.replace("def f", "def g"),
    ],
)
def test_what_is_launched_keeps_its_name_and_its_parameters_as_they_are(head: str) -> None:
    body = "tl.store(x, 2 * SCALE)"
    with pytest.raises(InvalidSchedule, match="f is launched outside of the marks"):
        found(LAUNCHED).rewritten(head + body)
    assert found().rewritten(head + body)  # where nobody launches it
    assert found(LAUNCHED).rewritten(HEAD + body)


@pytest.mark.parametrize(
    "text", ["x = '''", "\0", "-" * 60_000 + "1", "(" * 5000, "x." * 20_000 + "x", "#" * LONGEST + "#", f"{END}\n)"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidSchedule):
        found().rewritten(text)


@given(st.text())
def test_whatever_is_written_there_the_rest_stays(text: str) -> None:
    marked = found()
    try:
        whole = marked.rewritten(text)
    except InvalidSchedule:
        return
    assert whole.startswith(marked.before)
    assert whole.endswith(marked.after)
