"""Evaluators: program -> measurement."""
