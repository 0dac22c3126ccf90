"""The names that an exported function can have: it shares them with C, C++, libc, libm and Python's modules."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import sys

from ....core.errors import UserError

KEYWORDS = re.compile(
    r"""alignas|alignof|and|and_eq|asm|auto|bitand|bitor|bool|break|case|catch|char|class|compl|concept|const|consteval
    |constexpr|constinit|const_cast|continue|co_await|co_return|co_yield|decltype|default|delete|do|double
    |dynamic_cast|else|enum|explicit|export|extern|false|float|for|friend|goto|if|inline|int|long|mutable|namespace
    |new|noexcept|not|not_eq|nullptr|operator|or|or_eq|private|protected|public|register|reinterpret_cast|requires
    |restrict|return|short|signed|sizeof|static|static_assert|static_cast|struct|switch|template|this|thread_local
    |throw|true|try|typedef|typeid|typename|typeof|typeof_unqual|union|unsigned|using|virtual|void|volatile|wchar_t
    |while|xor|xor_eq""",
    re.VERBOSE,
)
"""Of C23 and C++20."""


def symbol_for(entry: str, name: str | None) -> str:
    """The name of the exported function: `name`, or else one made from the program's entry point.

    Raises UserError where `name` cannot be one.
    """
    if name is not None:
        if fault := _fault(name):
            raise UserError(f"--name={name} cannot be the name of a library's function: {fault}")
        return name
    made = re.sub(r"\W", "_", entry, flags=re.ASCII).lstrip("_0123456789")
    return f"{made}_kernel".lstrip("_") if _fault(made) else made


def _fault(name: str) -> str | None:
    """Why a function cannot be called so."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        return "it must be made of letters, digits and _, and begin with a letter"
    if KEYWORDS.fullmatch(name):
        return "C or C++ has a word of that name"
    if name == "main" or hasattr(ctypes.CDLL(ctypes.util.find_library("m")), name):  # libm brings libc along
        return "libc or libm has a function of that name"
    if name in sys.stdlib_module_names or name == "numpy":
        return "Python or NumPy has a module of that name"
    return None
