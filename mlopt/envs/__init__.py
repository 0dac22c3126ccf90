"""Spaces of schedules as environments for reinforcement learning by others: `pip install mlopt[envs]`."""

from .schedule_env import ScheduleEnv

__all__ = ["ScheduleEnv"]
