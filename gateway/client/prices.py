"""A price, in one of its two currencies: pure epsilon, or rho of zero-concentrated differential privacy."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import Message

Request = TypeVar("Request", bound=Message)


def priced(request: Request, epsilon: float | None, rho: float | None) -> Request:
    """Write the price into a request and return it.

    Raises:
        ValueError: there is none, or one in each currency.
    """
    if (epsilon is None) == (rho is None):
        raise ValueError("either an epsilon or a rho")
    currency, amount = ("rho", rho) if epsilon is None else ("epsilon", epsilon)
    setattr(request, currency, amount)
    return request


def price_of(message: Any) -> tuple[float | None, float | None]:
    """Read a price as an epsilon and a rho, one of which is None."""
    price = message.WhichOneof("price")
    return message.epsilon if price == "epsilon" else None, message.rho if price == "rho" else None


def in_words(epsilon: float | None, rho: float | None) -> str:
    """Write a price as "rho = 0.02"."""
    return f"rho = {rho}" if epsilon is None else f"epsilon = {epsilon}"


def arguments(epsilon: float | None, rho: float | None) -> dict[str, Any]:
    """Return a price as the argument of a call."""
    return {"rho": rho} if epsilon is None else {"epsilon": epsilon}
