"""What was done to a noised value after the noise, as certificates say it. Every text is constant."""

from __future__ import annotations

from enum import StrEnum


class PostProcessing(StrEnum):
    """One step between the noise and the answer. All are free: they see noised values alone."""

    RATIO = "quotient of a noised sum and a noised count, held to the declared bounds"
    VARIANCE = "population variance from a noised count, sum and sum of squares, held to what the bounds allow"
    INTERPOLATED = "interpolated inside the declared bin where the noised cumulative count passes the rank"
    MIDDLE = "the middle of the declared bounds where the noised number of values is not above zero"
    MONOTONE = "noised cumulative counts made non-decreasing"
    CONSISTENT = "totals made consistent by generalised least squares (unbiased)"
    CONSISTENT_WHOLE = "totals made consistent, whole and non-negative (biased upwards where counts are small)"
    SUMMED = "sums of noised cells"
    ROUNDED = "rounded to multiples of a step"
    NON_NEGATIVE = "negative values set to zero (biased upwards where counts are small)"
    TOP = "largest noised counts of the declared keys (the values shown are biased upwards by the selection)"
    FOUND = "only cells that reached a threshold are shown (those near it are biased upwards by the selection)"
    RUNNING = "weighted sums of values that were noised once, each on its day"
