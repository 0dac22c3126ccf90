import itertools

from mlopt.search.draw import Draw
from mlopt.search.streams import Streams
from mlopt.search.vary import Vary


class Climb:
    """Changes one decision of the best schedule so far; after `attempts` that are all known, draws anywhere."""

    def __init__(self, attempts: int = 20) -> None:
        self.attempts = attempts

    def start(self, space, context):
        self.streams = Streams(context.rng)
        self.draw = Draw(space, self.streams.rng)  # never the same schedule twice
        self.vary = Vary(space, self.streams.rng)  # never one that is not legal
        self.best = None

    def ask(self, n):
        return list(itertools.islice(iter(self.propose, None), n))

    def tell(self, trials):
        for trial in trials:
            self.draw.see(trial.schedule)
            if trial.schedule in self.draw and trial.objective is not None:
                self.best = min(self.best or trial, trial, key=lambda trial: trial.objective)

    def propose(self):
        self.streams.begin(len(self.draw))
        for _ in range(self.attempts if self.best else 0):
            if self.draw.see(step := self.vary.mutate(self.best.schedule, changes=1, local=0.5)):
                return step
        return self.draw.fresh()
