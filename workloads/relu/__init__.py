"""Rectified linear unit: y = max(x, 0)."""
