"""The tables of the state, by subject. Portable types alone, so that PostgreSQL can hold them as well.

Exact rationals are two decimal texts, since no database type holds integers of any size. Instants are naive
UTC. The migrations make these tables; a test holds the two equal.
"""

from __future__ import annotations

from gateway.adapters.state.schema import (
    batches,
    budgets,
    contests,
    indicators,
    linking,
    log,
    policies,
    registers,
    requests,
    series,
    synthesis,
)
from gateway.adapters.state.schema.base import metadata

REVISION = "0012"
"""The migration that makes this schema; a test holds it against the newest one."""

__all__ = [
    "REVISION",
    "batches",
    "budgets",
    "contests",
    "indicators",
    "linking",
    "log",
    "metadata",
    "policies",
    "registers",
    "requests",
    "series",
    "synthesis",
]
