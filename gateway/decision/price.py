"""What a release, or the counts behind synthetic rows, may cost at all."""

from __future__ import annotations

from fractions import Fraction

from gateway.model.errors import ErrorReason
from gateway.model.measure import DECIMALS, Price
from gateway.model.permit import FieldViolation, Refusal
from gateway.privacy.pricing import SMALLEST


def out_of_range(price: Price, most: Price) -> Refusal | None:
    """Return the refusal of a price that no release is made for, or that is dearer than one may be; None if it fits."""
    if price.amount <= 0 or not SMALLEST.rho <= price.rho <= most.rho:
        lower, upper = (float(limit.written_in(price.currency)) for limit in (SMALLEST, most))
        return too_little(price, f"must lie between {lower} and {upper}")
    if not price.is_written:
        return too_little(price, f"must have at most {DECIMALS[price.currency]} decimals")
    return None


def held(price: Price, most: Price) -> Price:
    """Return the nearest price that one release may have, where none may cost more than `most`."""
    currency, unit = price.currency, 10 ** DECIMALS[price.currency]
    lower, upper = SMALLEST.written_in(currency), most.written_in(currency)
    # rounded down: nobody is led to spend more than was meant
    amount = min(max(price.amount, lower), upper)
    return Price(currency, max(Fraction(int(amount * unit), unit), lower))


def too_little(price: Price, rule: str = "is too small for the bounds of this statistic") -> Refusal:
    """Return the refusal of a price, by default of one that would be answered with noise beyond 64 bits."""
    violation = FieldViolation(price.currency.value, rule)
    return Refusal(ErrorReason.EPSILON_OUT_OF_RANGE, violations=(violation,))
