"""Scaled dot-product attention: full, causal or through a sliding window, with grouped heads of keys and values."""
