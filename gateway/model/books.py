"""The books of the budgets: every charge that was made, and what each account says it has spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.model.loss import PrivacyLoss


@dataclass(frozen=True, slots=True)
class Booked:
    """A charge, with when it was made (naive UTC)."""

    release_id: str
    loss: PrivacyLoss
    at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """All of the ledger as of one moment.

    `charges` are by release id, in the order in which they were made; `postings` are the pairs of a release id and an
    account that bears its charge; `spent` is by account; `released` are the ids of the releases that are stored.
    """

    charges: Mapping[str, Booked]
    postings: tuple[tuple[str, str], ...]
    spent: Mapping[str, PrivacyLoss]
    released: frozenset[str]
