"""The process that a worker's children are forked from: it has imported what they need, and does nothing else.

It speaks with the driver over the control connection, strictly in turn: "ready" (or why not), then for each child:
the child's end of its own connection in, its process id out; anything in, how the child ended out. When the control
connection closes, because the driver closed it or died of whatever cause, everything below ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import NoReturn

from ..core import processes
from . import clock
from .retirement import RETIRED, UNFIT, Retirement, Unfit

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(control_fd: int, preload: Sequence[str], memory_bytes: int | None) -> None:
    """Serve the driver at the other end of `control_fd` until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to decide on
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # so that no grandchild can leave the tree that is killed
    control = Connection(control_fd)
    nursery = os.getpid()
    with contextlib.suppress(EOFError, OSError):
        control.send(_import(preload))
        while True:
            connection = Connection(recv_handle(control))
            child = os.fork()
            if child == 0:
                control.close()
                _child(connection, nursery, memory_bytes)
            connection.close()
            try:
                control.send(child)
                control.recv()
            finally:
                code = _end(child)
            control.send(code)


def _import(modules: Sequence[str]) -> str:
    """Import `modules`; the answer is empty when all went well."""
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            return f"a worker cannot import {module}: {type(error).__name__}: {error}"
    gc.freeze()  # what was imported lives for ever: no collection in a child need look at it
    return ""


def _end(child: int) -> int:
    """Kill everything below and wait until it is gone; how `child` ended: an exit code, or minus a signal."""
    code = 0
    while True:
        for process in processes.below(os.getpid()):
            with contextlib.suppress(PermissionError):
                process.send(signal.SIGKILL)
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)


def _child(connection: Connection, nursery: int, memory_bytes: int | None) -> NoReturn:
    """Work until the driver hangs up."""
    try:
        os.setsid()  # what the work does to its process group is done to itself alone
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # whatever a work starts, it can be found below it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # crashes are routine here
        if os.getppid() == nursery:  # it may have died before the line above
            if memory_bytes is not None:
                _limit_data(memory_bytes)
            clock.belongs_to(connection)
            while True:
                for message in _answers(connection.recv()):
                    connection.send(message)
    except EOFError:
        os._exit(0)
    except BaseException:  # a work may also raise SystemExit
        traceback.print_exc()
    finally:
        os._exit(1)


def _limit_data(memory_bytes: int) -> None:
    """Let allocations fail beyond twice `memory_bytes` on top of what is mapped now, even if they are never touched.

    Counts private writable mappings only: address space that is merely reserved, as CUDA does by the terabyte, is free.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = processes.data_bytes() + 2 * memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _answers(work: bytes) -> Iterator[str | bytes]:
    """Run pickled `work`; a pickled pair: whether it returned, and what it returned or raised.

    RETIRED comes before it where this is to be the process's last work, UNFIT in its place where it wants another one.
    """
    try:
        try:
            result = pickle.loads(work)()
        except Retirement as last:
            yield RETIRED
            result = last.result
        yield _pickle_result(result)
    except Unfit:
        yield UNFIT
    except Exception as error:
        yield _pickle_error(error)


def _pickle_result(result: object) -> bytes:
    try:
        return pickle.dumps((True, result))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise pickle.PicklingError(f"a result of {type(result)} cannot be sent back: {error}") from None


def _pickle_error(error: Exception) -> bytes:
    summary = traceback.format_exception_only(error)[-1].strip()
    error.add_note("In the worker:\n" + "".join(traceback.format_exception(error)))
    try:
        message = pickle.dumps((False, error))
        pickle.loads(message)  # an exception whose constructor wants other arguments fails only here
        return message
    except Exception:
        return pickle.dumps((False, RuntimeError(summary)))


def _prctl(option: int, argument: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(argument))
