"""Normalisation by the root mean square: each row scaled to a mean square of 1, then by gamma."""
