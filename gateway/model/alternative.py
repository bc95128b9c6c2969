"""What else could be asked: plans that cost less than one, or have narrower margins, or are there for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.loss import PrivacyLoss
from gateway.model.margins import AnswerMargin
from gateway.model.request import ReleaseRequest


class Change(StrEnum):
    """In what an alternative differs, in the order in which alternatives are told: what loses least comes first."""

    RELEASED = "released"
    CURRENCY = "currency"
    WEIGHTS = "weights"
    MARGIN = "margin"
    LEVELS = "levels"
    COARSER = "coarser"
    STATISTIC = "statistic"
    GROUPING = "grouping"


@dataclass(frozen=True, slots=True)
class Alternative:
    """A whole request that would pass, with its price, and what is lost by asking it instead, in words.

    `loss` is what it would be charged: nothing where it was `released` before on this data.
    """

    change: Change
    request: ReleaseRequest
    lost: str
    loss: PrivacyLoss
    margins: tuple[AnswerMargin, ...]
    affordable: bool
    released: bool
