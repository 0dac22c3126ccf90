"""What of a kernel's file may be rewritten: the lines between two marks, and what may be written there.

Between the marks there are kernels and constants alone. All that is run by Python itself, such as the launcher, is
outside and stays as it is. So a rewritten kernel that is interpreted is the one that was compiled, and has no say in
what it is launched on. This is no protection from it: that is the sandbox, in which it runs (`rewritten.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ...core.errors import InvalidSchedule, UserError

BEGIN, END = "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END"
"""The marks, each a line of its own; their words are those of AlphaEvolve (Novikov and others, 2025)."""

LONGEST = 1 << 16
"""Characters of what is written there."""

FUNCTIONS = {"abs", "bool", "float", "int", "len", "max", "min", "range", "sum", "tuple"}
"""Python's own that a kernel may call."""
HELPERS = {"cdiv", "jit", "next_power_of_2"}
"""Of Triton itself."""
WITHHELD = {"extra", "math", "target_info", "inline_asm_elementwise", "device_print", "static_print"}
"""Of Triton's language: modules, what the interpreter cannot carry out, and what prints."""

METHODS = {
    "T", "abs", "argmax", "argmin", "associative_scan", "atomic_add", "atomic_and", "atomic_cas", "atomic_max",
    "atomic_min", "atomic_or", "atomic_xchg", "atomic_xor", "broadcast_to", "cast", "cdiv", "ceil", "cos", "cumprod",
    "cumsum", "dtype", "element_ty", "erf", "exp", "exp2", "expand_dims", "fdiv", "flip", "floor", "gather",
    "histogram", "is_bf16", "is_floating", "is_fp16", "is_fp32", "is_fp64", "is_fp8", "is_int", "is_int_signed",
    "is_int_unsigned", "is_ptr", "load", "log", "log2", "logical_and", "logical_or", "max", "min", "numel", "permute",
    "primitive_bitwidth", "ravel", "reduce", "reshape", "rsqrt", "scalar", "shape", "sigmoid", "sin", "softmax",
    "sort", "split", "sqrt", "sqrt_rn", "store", "sum", "to", "trans", "type", "value", "view", "xor_sum",
}  # fmt: skip
"""Of what a kernel computes with: tensors, their types, descriptors of tensors, constants."""

_ALLOWED = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Expr, ast.Pass, ast.Assert, ast.Assign, ast.AugAssign,
    ast.AnnAssign, ast.For, ast.While, ast.If, ast.Break, ast.Continue, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare,
    ast.IfExp, ast.Call, ast.keyword, ast.Starred, ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Constant,
    ast.Tuple, ast.List, ast.ListComp, ast.comprehension, ast.expr_context, ast.boolop, ast.operator, ast.unaryop,
    ast.cmpop,
)  # fmt: skip
"""What a kernel is made of; all that Python has besides, it has not."""


@dataclass(frozen=True)
class Region:
    """A file in three parts; `before` ends, and `after` begins, with a mark's line."""

    before: str
    text: str
    after: str

    def rewritten(self, text: str) -> str:
        """The file with another text between the marks. Raises InvalidSchedule, which says what may not be there."""
        text = text if text.endswith("\n") else f"{text}\n"
        if len(text) > LONGEST:
            raise InvalidSchedule(f"a source of {len(text)} characters; {LONGEST} at most")
        tree = _parsed(text)
        rest = self.before + self.after
        _Rules(rest).check(tree)
        _check_launched(ast.parse(rest), _parsed(self.text), tree)
        return f"{self.before}{text}{self.after}"


def region(text: str) -> Region | None:
    """The region of a kernel's file; None where it has no marks. Raises UserError for one that cannot be rewritten."""
    lines = text.splitlines(keepends=True)
    marks = [(number, line.strip()) for number, line in enumerate(lines) if line.strip() in (BEGIN, END)]
    if not marks:
        return None
    if [mark for _, mark in marks] != [BEGIN, END]:
        raise UserError(f"a kernel's file has one line '{BEGIN}' and, after it, one '{END}'")
    (begin, _), (end, _) = marks
    found = Region("".join(lines[: begin + 1]), "".join(lines[begin + 1 : end]), "".join(lines[end:]))
    try:
        found.rewritten(found.text)
    except InvalidSchedule as error:
        raise UserError(f"what stands between the marks of the kernel's file cannot be rewritten: {error}") from None
    return found


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise InvalidSchedule(f"line {error.lineno or 1} of the source: {error.msg}") from None
    except (MemoryError, RecursionError):  # the parser's own limit
        raise InvalidSchedule("the source is nested too deeply") from None
    except ValueError as error:
        raise InvalidSchedule(f"the source cannot be read: {error}") from None


def _check_launched(rest: ast.Module, given: ast.Module, tree: ast.Module) -> None:
    """Raise InvalidSchedule unless the functions that the rest of the file names take what they took.

    What is a constant of the compiled kernel, too: with sizes compiled in, a kernel could do less on those that it is
    not verified on, and no trace of that would be left.
    """
    named = {node.id for node in ast.walk(rest) if isinstance(node, ast.Name)}
    now = _signatures(tree)
    for name, parameters in _signatures(given).items():
        if name in named and now.get(name) != parameters:
            raise InvalidSchedule(f"{name} is launched outside of the marks: it stays, with its parameters as they are")


def _signatures(tree: ast.Module) -> dict[str, str]:
    """Of the functions of a module by name: parameters, their annotations and defaults."""
    return {each.name: ast.dump(each.args) for each in tree.body if isinstance(each, ast.FunctionDef)}


class _Rules:
    """What may be written between the marks of a file whose other lines are these."""

    def __init__(self, rest: str) -> None:
        import triton.language

        self._words = {"triton.language": set(triton.language.__all__) - WITHHELD, "triton": HELPERS}
        """What a kernel may use of a module."""
        tree = ast.parse(rest)
        self._modules = {alias: module for alias, module in _imported(tree) if module in self._words}
        self._outside = {alias for alias, _ in _imported(tree)} | set(_bound(tree))
        self._known = set(self._modules) | {
            name for statement in tree.body if _is_plain(statement) for name in _bound_by(statement)
        }

    def check(self, tree: ast.Module) -> None:
        """Raise InvalidSchedule for the first statement that may not be there."""
        names = list(_bound(tree))
        for name in names:
            if name in self._outside or name in FUNCTIONS or name.startswith("__"):
                raise InvalidSchedule(f"{name} is something else outside of the marks")
        known = self._known | set(names) | FUNCTIONS
        for statement in tree.body:
            if not _is_plain(statement):
                raise InvalidSchedule(f"line {statement.lineno} of the source is neither a kernel nor a constant")
            own = set(_stored(statement))
            for shadowed in own & set(self._modules):
                raise InvalidSchedule(f"{shadowed} is a module, and stays one")
            for node in ast.walk(statement):
                self._look_at(node, known | own, statement)

    def _look_at(self, node: ast.AST, known: set[str], statement: ast.stmt) -> None:
        line = getattr(node, "lineno", statement.lineno)
        if not isinstance(node, _ALLOWED) or (isinstance(node, ast.FunctionDef) and node is not statement):
            raise InvalidSchedule(f"line {line} of the source: a kernel has no {type(node).__name__}")
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known:
            raise InvalidSchedule(f"line {line} of the source: {node.id} is not known in a kernel")
        if isinstance(node, ast.Attribute):
            module = self._modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
            if node.attr not in (METHODS if module is None else self._words[module]):
                raise InvalidSchedule(f"line {line} of the source: a kernel may not use .{node.attr}")
        elif any(isinstance(child, ast.Name) and child.id in self._modules for child in ast.iter_child_nodes(node)):
            raise InvalidSchedule(f"line {line} of the source: a module is no value")


def _is_plain(statement: ast.stmt) -> bool:
    """Whether a statement makes a kernel, or a constant, and nothing else happens when it is run."""
    if isinstance(statement, ast.FunctionDef):
        arguments = statement.args
        annotations = [a.annotation for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        defaults = [*arguments.defaults, *arguments.kw_defaults]
        return (
            len(statement.decorator_list) == 1
            and _is_named(statement.decorator_list[0], "triton", "jit")
            and all(note is None or isinstance(note, (ast.Constant, ast.Attribute)) for note in annotations)
            and all(default is None or _is_literal(default) for default in defaults)
            and not any((arguments.vararg, arguments.kwarg, statement.returns))
        )
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if not isinstance(statement, ast.Assign) or not all(isinstance(each, ast.Name) for each in statement.targets):
        return False
    value = statement.value
    if isinstance(value, ast.Call) and _is_named(value.func, "tl", "constexpr") and not value.keywords:
        return all(map(_is_literal, value.args))
    return _is_literal(value)


def _is_named(node: ast.expr, module: str, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == module
    )


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that a module imports at its top, and what they stand for."""
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                yield alias.asname or alias.name, f"{statement.module}.{alias.name}"


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that a module's own statements give something to, imports aside."""
    for statement in tree.body:
        yield from _bound_by(statement)


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    else:
        yield from _stored(statement)


def _stored(statement: ast.stmt) -> Iterator[str]:
    """The names that are given something within a statement, the parameters of a function among them."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
