"""Searches compared on equal terms."""
