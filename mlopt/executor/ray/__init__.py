"""The executor on Ray: one task a trial, on this machine or on many."""

from .executor import Ray

__all__ = ["Ray"]
