"""A budget on the wire says what is left, in rho and in delta, and what is frozen."""

from __future__ import annotations

from fractions import Fraction

from gateway.model.budget import Account, Balance
from gateway.server.wire.releases import budget_of

OPEN = Account("dataset/x", "the dataset x", Fraction(1), Fraction(1, 10**7))


def test_what_is_left_is_told_in_rho_and_in_delta() -> None:
    told = budget_of(Balance(OPEN, Fraction(7, 8), Fraction(1, 10**9)), 1e-6)
    assert (told.cap_rho, told.spent_rho, told.remaining_rho) == ("1/1", "7/8", "1/8")
    assert (told.cap_delta, told.spent_delta, told.remaining_delta) == ("1/10000000", "1/1000000000", "99/1000000000")
    assert (told.largest_epsilon, told.frozen, told.held_rho) == (0.5, False, "0/1")


def test_a_frozen_budget_has_nothing_left_and_says_what_it_holds_back() -> None:
    frozen = Account("purpose/x", "the purpose x", Fraction(1), frozen=True)
    told = budget_of(Balance(frozen, Fraction(7, 8)), 1e-6)
    assert (told.frozen, told.held_rho, told.remaining_rho, told.largest_epsilon) == (True, "1/8", "0/1", 0)
