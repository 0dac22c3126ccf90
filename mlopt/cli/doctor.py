"""`mlopt doctor`: what works on this machine and what does not, each with its mend."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import UserError
from ..doctor import machine, measuring, software
from ..doctor.finding import Check, State, carry_out
from ..waiting import Waiting
from .console import open_console, show_table
from .errors import complain

CHECKS: tuple[Check, ...] = (
    software.python,
    software.packages,
    software.compilers,
    software.store,
    machine.cores,
    machine.governor,
    machine.turbo,
    machine.smt,
    machine.memory,
    machine.disk,
    machine.counters,
    machine.gpu,
    measuring.measuring,
)
STYLES: dict[str, str] = {State.OK: "green", State.ABSENT: "dim", State.LIMITED: "yellow", State.BROKEN: "red"}


def doctor(arguments: Sequence[str]) -> int:
    """Look at everything, which takes some seconds, and print what was found."""
    if arguments:
        raise UserError("mlopt doctor takes no arguments")
    console = open_console()
    status = console.status("looking at software and machine, and timing a kernel against itself")
    with Waiting(complain), status:
        findings = [finding for check in CHECKS for finding in carry_out(check)]
    rows = [(finding.subject, finding.state, finding.detail, finding.mend) for finding in findings]
    show_table(console, ("what", "state", "found", "mend"), rows, STYLES)
    faults = [finding.subject for finding in findings if finding.state in (State.BROKEN, State.LIMITED)]
    console.print(f"to be mended: {', '.join(faults)}" if faults else "all is well")
    return 0
