"""Search by a language model."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from ...core.errors import UserError, nearest
from ...core.schedule import Schedule
from ...core.trial import SPENT, Trial
from ...protocols import Search, Space, StudyContext
from ..draw import Draw
from ..known import Known
from ..partner import fresh_from
from ..settings import limit
from ..streams import Streams
from ..vary import Vary, unhinted
from . import transcript
from .consultation import Consultation
from .decisions import Decisions
from .endpoint import Endpoint
from .expert import Expert
from .history import History
from .model import Model, ModelError
from .price import Limits, Meter
from .prompt import Prompt
from .sources import Sources
from .task import Setting, Task

Fallback = Literal["expert", "none"]
Mode = Literal["decisions", "source"]

STRIKES = 3
"""Calls in a row without a usable proposal, after which a model is not asked again."""

MODEL, EXPERT, PARTNER, DRAW = "model", "expert", "partner", "draw"
"""Who proposed a trial."""


class Llm:
    """Lets a model propose `proposals` schedules at a time, from what it is shown of the study (`prompt.py`).

    In the mode `decisions` it decides (`decisions.py`), in the mode `source` it rewrites the program as well, which
    evolves on so many `islands` (`sources.py`). Where nothing new is left of an answer, it is sent back with the
    reasons, `corrections` times at most.

    With a `partner`, any other search, the model speaks only `opening` times at the beginning, and again after
    `patience` trials without a new best; the partner goes on from there, told of all trials.

    When there is no model (nobody answers, a limit of `limits` is reached, STRIKES answers in a row were of no use),
    an expert's rules make its proposals (`expert.py`); with `fallback=none` the study ends instead, by UserError.

    Every exchange is kept in the study's folder; `transcript`, a file of such exchanges, answers in a model's place.
    `hints=False` keeps the space's hints from the model, the expert and the partner.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        mode: Mode = "decisions",
        islands: int = 3,
        proposals: int = 8,
        corrections: int = 1,
        prompt_tokens: int = 12_000,
        template: str | None = None,
        partner: Search | None = None,
        opening: int = 2,
        patience: int = 40,
        fallback: Fallback = "expert",
        transcript: str | None = None,
        hints: bool = True,
    ) -> None:
        limit("proposals", proposals, 1)
        limit("corrections", corrections, 0)
        limit("prompt_tokens", prompt_tokens, 1)
        limit("opening", opening, 1)
        limit("patience", patience, 1)
        limit("islands", islands, 1)
        for name, value, kind in (("fallback", fallback, Fallback), ("mode", mode, Mode)):
            if value not in (known := get_args(kind)):
                raise UserError(f"search.{name}={value} must be {' or '.join(known)}{nearest(value, known)}")
        self._endpoint = endpoint
        self._limits = limits
        self._proposals = proposals
        self._corrections = corrections
        self._mode = mode
        self._islands = islands
        self._prompt = Prompt(None if template is None else Path(template), prompt_tokens, mode)
        self._partner = partner
        self._opening = opening
        self._patience = patience
        self._fallback = fallback
        self._transcript = transcript
        self._use_hints = hints
        self._consultation: Consultation | None = None

    @property
    def spent(self) -> float:
        """Money, since this search was made."""
        return self._consultation.spent if self._consultation else 0.0

    def start(self, space: Space, context: StudyContext) -> None:
        self._prompt.check()
        if context.budget.money is not None:
            self._limits.check_prices(f"budget.money={context.budget.money}")
        space = space if self._use_hints else unhinted(space)
        self._context = context
        own, others = context.rng.spawn(2)
        self._streams = Streams(own)
        self._draw = Draw(space, self._streams.rng)
        self._known = Known(self._draw)
        self._history = History()
        vary = Vary(space, self._streams.rng)
        self._expert = Expert(space, self._history, self._draw, vary, self._streams.rng)
        setting = Setting(space, self._history, self._known, vary, self._prompt, self._proposals)
        self._task = self._made_task(setting)
        self._meter = Meter(self._limits)
        end = time.monotonic() + (context.budget.seconds or float("inf"))
        self._consultation = Consultation(
            self._made_model(), self._task, setting, self._meter, self._corrections, end, self._begin_stream
        )
        if self._partner:
            self._partner.start(space, replace(context, rng=others))
        self._queue: list[Schedule] = []
        """Of the model, not proposed yet."""
        self._accounts: dict[Schedule, tuple[str, Mapping[str, float]]] = {}
        self._turns = self._last_turn = self._strikes = 0
        self._turn_left = 0
        """Proposals that the expert still makes of a turn of the model's."""
        self._asked = False
        self._pauses = False
        """Whether the user knows that the model does."""
        self._gone = ""
        """Why there is no model any more."""

    def ask(self, n: int) -> Sequence[Schedule]:
        self._asked = True
        return list(itertools.islice(iter(self._propose, None), n))

    def tell(self, trials: Sequence[Trial]) -> None:
        if self._partner:
            self._partner.tell(trials)
        for trial in trials:
            new = self._known.see(trial.schedule)
            if new and not self._asked:  # of an interrupted study: a turn as it was then
                self._begin_turn()
                self._turn_left = max(0, self._turn_left - 1)
            if trial.schedule in self._known:
                self._history.add(trial)
                self._task.learn(trial)

    def account(self, schedule: Schedule) -> tuple[str, Mapping[str, float]]:
        """Who proposed `schedule`, and its share of what the model has cost."""
        return self._accounts.get(schedule, ("", {}))

    def _propose(self) -> Schedule | None:
        """A schedule never proposed or told before, None when there is none left."""
        if self._task.first is not None and self._known.see(self._task.first):
            return self._accounted(self._task.first, EXPERT)
        if not self._queue and self._begin_turn():
            self._take_turn()
        while self._queue:
            if self._known.see(schedule := self._queue.pop(0)):
                return self._accounted(schedule, MODEL)
        self._begin_stream()
        if self._turn_left:
            self._turn_left -= 1
            return self._accounted(self._expert.propose(), EXPERT)
        if self._partner and (proposed := fresh_from(self._partner, self._known)) is not None:
            return self._accounted(proposed, PARTNER)
        return self._accounted(self._draw.fresh(), DRAW)

    def _accounted(self, schedule: Schedule | None, origin: str) -> Schedule | None:
        if schedule is not None:
            self._known.see(schedule)
            self._accounts.setdefault(schedule, (origin, {}))
        return schedule

    def _begin_turn(self) -> bool:
        """Whether it is the model's turn from here on."""
        still = len(self._history) - max(self._last_turn, self._history.last_gain)
        if self._turn_left or (self._partner and self._turns >= self._opening and still < self._patience):
            return False
        self._turns += 1
        self._last_turn = len(self._history)
        self._turn_left = self._proposals
        return True

    def _take_turn(self) -> None:
        """Let the model propose, or leave the turn to the expert."""
        if not self._gone and (spent := self._meter.reached()):
            self._give_up(spent)
        if not self._gone:
            self._consult()
        if self._queue:
            self._turn_left = 0

    def _give_up(self, reason: str) -> None:
        """Go on without the model, and say so. Raises UserError where that is not wanted."""
        self._gone = reason
        if self._fallback == "none":
            raise UserError(f"search.fallback=none, and there is no model to propose: {reason}")
        self._context.say(f"no language model from here on ({reason}); an expert's rules propose in its place")

    def _consult(self) -> None:
        """Ask the model, and ask again as long as that may help."""
        assert self._consultation is not None
        left = self._context.budget.trials - len(self._history)
        try:
            proposed = self._consultation.proposals(self._context.brief(), self._turns, left)
        except ModelError as error:
            self._miss(error)
            return
        self._pauses, self._strikes = False, 0
        self._enqueue(proposed)

    def _begin_stream(self) -> None:
        self._streams.begin(len(self._known))

    def _enqueue(self, proposed: Sequence[Schedule]) -> None:
        """Propose these next, each with an equal share of what was spent for them."""
        share = {f"{SPENT}{name}": spent for name, spent in self._meter.shares(len(proposed)).items()}
        self._queue += proposed
        self._accounts.update((schedule, (MODEL, share)) for schedule in proposed)

    def _miss(self, error: ModelError) -> None:
        """A turn came to nothing, and is the expert's, if it may step in; no strike where the server wants a pause."""
        if error.waits and self._fallback != "none":
            if not self._pauses:
                self._context.say(f"the language model pauses ({error}); an expert's rules propose meanwhile")
            self._pauses = True
            return
        self._strikes += 1
        if error.final or self._strikes == STRIKES or self._fallback == "none":
            self._give_up(str(error))

    def _made_task(self, setting: Setting) -> Task:
        if self._mode == "decisions":
            return Decisions(setting)
        if self._context.executes:
            raise UserError("search.mode=source has programs simulated, never executed: choose evaluator=simulation")
        sources = Sources(setting, self._islands, self._streams.rng)
        if sources.unprotected:
            self._context.say(
                f"rewritten programs are not kept from {' and '.join(sources.unprotected)} on this system"
            )
        return sources

    def _made_model(self) -> Model:
        """The endpoint, or the transcript in its place; recorded in the study's folder, if there is one."""
        model: Model = self._endpoint
        if self._transcript is not None:
            try:
                model = transcript.Replayed(transcript.read(Path(self._transcript)))
            except UserError as error:
                raise UserError(f"search.transcript={self._transcript}: {error}") from None
        directory = self._context.directory
        return model if directory is None else transcript.Recorded(model, directory / transcript.NAME)
