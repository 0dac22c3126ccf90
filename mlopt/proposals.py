"""What a search proposes, under the numbers of its trials, in a study that may be gone on with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from .core.errors import InvalidSchedule, UserError
from .core.schedule import Schedule
from .core.trial import Trial
from .proposal_log import Ask, ProposalLog, in_order
from .protocols import Search, Space
from .spending import Spending

logger = logging.getLogger(__name__)


class Proposals:
    """Stands between the loop and the search: numbers what is proposed, and writes it down before it is tried."""

    def __init__(self, search: Search, log: ProposalLog, spending: Spending) -> None:
        self._search = search
        self._log = log
        self._spending = spending
        self._told = 0
        self._next = 0
        self._strays: list[Schedule] = []
        """Proposed when the search was asked again, and not before."""
        self._foreign: set[Schedule] = set()
        """Proposed before, and not when the search was asked again."""

    def recall(self, trials: Sequence[Trial], space: Space) -> list[tuple[int, Schedule]]:
        """Bring the search to where it was after `trials`; the numbered schedules that were under way then.

        It is asked and told again what it was asked and told, in the same order, so it knows what it knew and draws
        as it would have drawn, however many trials ran at once. One that answers otherwise (another version of it, or
        a language model) is told the rest of the trials without being asked for them, and goes on from there.
        Raises UserError for trials of another study.
        """
        asks = self._log.asks
        proposed = in_order(asks)
        _check_own(trials, proposed, space)
        for number, ask in enumerate(asks):
            self._retell(trials[self._told : ask.told])
            answer = self._search.ask(ask.n)
            if tuple(answer) != ask.proposed:
                logger.warning("the search does not propose what it did before; it goes on with what it is told")
                self._foreign = set(in_order(asks[number:])) - set(answer)
                self._strays = [schedule for schedule in answer if schedule not in proposed]
                break
        self._retell(trials[self._told :])
        done = {trial.trial for trial in trials}
        self._next = max(len(proposed), *(number + 1 for number in done), 0)
        return [(number, schedule) for number, schedule in enumerate(proposed) if number not in done]

    def ask(self, n: int) -> list[tuple[int, Schedule]]:
        """At most `n` new schedules, each with its trial's number. Raises UserError if the search proposes more."""
        proposed = self._strays[:n] or tuple(self._asked(n))
        self._strays = self._strays[n:]
        if len(proposed) > n:
            raise UserError(f"the search proposed {len(proposed)} schedules where {n} were asked for")
        spent = self._spending
        self._log.append(Ask(self._told, n, tuple(proposed), spent.seconds, spent.money))
        first, self._next = self._next, self._next + len(proposed)
        return list(enumerate(proposed, start=first))

    def tell(self, trial: Trial) -> None:
        self._told += 1
        self._search.tell([trial])

    def _asked(self, n: int) -> Iterator[Schedule]:
        """What the search proposes, but for what is under way without its knowing."""
        while answer := self._search.ask(n):
            new = [schedule for schedule in answer if schedule not in self._foreign]
            yield from new
            if len(new) == len(answer):
                return
            n -= len(new)

    def _retell(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self.tell(trial)


def _check_own(trials: Sequence[Trial], proposed: Sequence[Schedule], space: Space) -> None:
    """Raise UserError for a trial that was not proposed, or that the space does not allow."""
    for trial in trials:
        if trial.trial < len(proposed) and trial.schedule != proposed[trial.trial]:
            raise UserError(f"trial {trial.trial} is another study's: its schedule is not the one proposed here")
        if trial.ok:
            try:
                space.check(trial.schedule)
            except InvalidSchedule as error:
                raise UserError(f"trial {trial.trial} is another study's: {error}") from None
