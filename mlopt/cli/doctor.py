"""`mlopt doctor`: what works on this machine and what does not, each with its mend."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..core.errors import UserError
from ..doctor import machine, measuring, software
from ..doctor.finding import Check, Finding, State, carry_out

CHECKS: tuple[Check, ...] = (
    software.python,
    software.packages,
    software.compilers,
    software.store,
    machine.cores,
    machine.governor,
    machine.memory,
    machine.disk,
    machine.counters,
    machine.gpu,
    measuring.measuring,
)
STYLES = {State.OK: "green", State.ABSENT: "dim", State.LIMITED: "yellow", State.BROKEN: "red"}


def doctor(arguments: Sequence[str]) -> int:
    """Look at everything, which takes some seconds, and print what was found."""
    if arguments:
        raise UserError("mlopt doctor takes no arguments")
    console = Console(markup=False, highlight=False, emoji=False)
    with console.status("looking at software and machine, and timing a kernel against itself"):
        findings = [finding for check in CHECKS for finding in carry_out(check)]
    show(findings, console)
    return 0


def show(findings: Sequence[Finding], console: Console) -> None:
    """A line each, and in the end how many need a mend."""
    if not console.is_terminal:
        console.width = 1000  # a line a finding, never wrapped
    table = Table("what", "state", "found", "mend", box=SIMPLE_HEAD if console.is_terminal else None)
    for finding in findings:
        table.add_row(finding.subject, Text(finding.state, STYLES[finding.state]), finding.detail, finding.mend)
    console.print(table)
    faults = [finding.subject for finding in findings if finding.state in (State.BROKEN, State.LIMITED)]
    console.print(f"to be mended: {', '.join(faults)}" if faults else "all is well")
