"""Every measurement ever made, under a content address (docs/archive.md)."""

from __future__ import annotations

from .archive import Archive

__all__ = ["Archive"]
