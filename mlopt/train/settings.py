"""How long a policy is trained, and by how much in each step."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import UserError


@dataclass(frozen=True)
class Training:
    """Limits and sizes; the first limit reached ends the training."""

    lessons: int = 512
    """Programs whose first hint is imitated before the first step."""
    steps: int = 100_000
    seconds: float | None = 9000.0
    """In all, however often it is gone on with."""
    programs: int = 8
    """Drawn for each step."""
    episodes: int = 6
    """Schedules of each program, drawn from the policy."""
    hints: int = 2
    """Schedules of each program that the space itself thinks good: the first is what gains are told against."""
    imitated: int = 64
    """Of the best schedules that are known of earlier programs, how many the policy is drawn towards in each step."""
    evaluate: int = 50
    """Steps from one evaluation, and checkpoint, to the next."""
    held_out: int = 14
    """Programs of an evaluation."""
    draws: int = 10
    """Schedules of each of them, drawn from the policy beside the most probable one."""
    dense: bool = False
    """Whether each decision is told what it has added, by trials of what the space itself would go on with."""
    trial_seconds: float = 20.0

    def __post_init__(self) -> None:
        for name, least in {
            "lessons": 0,
            "steps": 1,
            "programs": 1,
            "episodes": 1,
            "hints": 1,
            "imitated": 0,
            "draws": 0,
        }.items():
            if getattr(self, name) < least:
                raise UserError(f"training.{name}={getattr(self, name)} must be at least {least}")
        for name in ("evaluate", "held_out", "trial_seconds", "seconds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UserError(f"training.{name}={value} must be positive")
