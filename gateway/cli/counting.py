"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return a number with its noun: 1 grant, 2,000 grants."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
