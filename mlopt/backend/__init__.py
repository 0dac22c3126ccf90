"""Backends: (workload, schedule) -> program -> kernel."""
