"""The end of a study: the best schedules and the baselines, measured in turn."""
