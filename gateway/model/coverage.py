"""What a release does not show or count, and why: typed, and in words. All of it is known before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CoverageKind(StrEnum):
    """Why a cell is shown or not, or a record does not count, or not in full."""

    EMPTY_CELLS_SHOWN = "empty_cells_shown"
    BELOW_THRESHOLD = "below_threshold"
    BEYOND_TOP = "beyond_top"
    NO_PRIVACY_UNIT = "no_privacy_unit"
    OUTSIDE_REGION = "outside_region"
    FILTERED_OUT = "filtered_out"
    WITHOUT_CONSENT = "without_consent"
    PAST_RETENTION = "past_retention"
    UNDECLARED_KEY = "undeclared_key"
    OUTSIDE_PERIODS = "outside_periods"
    MISSING_VALUE = "missing_value"
    CLAMPED = "clamped"
    CELLS_BEYOND_LIMIT = "cells_beyond_limit"
    ROWS_BEYOND_LIMIT = "rows_beyond_limit"
    NOT_JOINED = "not_joined"


@dataclass(frozen=True, slots=True)
class Coverage:
    """One reason. `field` is the one that it is about, "" for none. The text follows from contract and plan alone."""

    kind: CoverageKind
    field: str
    text: str
