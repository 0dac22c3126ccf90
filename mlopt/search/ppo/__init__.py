"""Proximal policy optimisation over the tree of decisions: a policy that learns schedules, and takes them along."""
