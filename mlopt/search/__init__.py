"""Strategies that propose schedules; each learns only from the trials it is told of."""
