"""Text from elsewhere, made fit to be kept and sent on."""

from __future__ import annotations

SECRET = 8
"""Characters of the shortest key that is kept secret: the words that people set for servers which want any key at all,
such as none, EMPTY or ollama, are words of answers too, and no secrets."""


def whole(text: str) -> str:
    """`text` with a question mark for each half of a character (a lone surrogate), which files and servers refuse."""
    return text.encode("utf-8", "replace").decode()


def masked(text: str, key: str) -> str:
    """`text` without the key, which whoever was sent it may repeat."""
    return text.replace(key, "***") if len(key) >= SECRET else text
