"""The check of the books finds what does not add up, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from gateway.accountability.books import FaultKind, look_over, sums
from gateway.model.books import Booked, Books
from gateway.model.budget import Account
from gateway.model.loss import PrivacyLoss

AT = datetime(2026, 11, 21, 8, 30)
TINY = Fraction(1, 10**40)


def booked(number: int, rho: Fraction, delta: Fraction = Fraction(0)) -> Booked:
    return Booked(f"r{number}", PrivacyLoss(rho, None, delta), AT)


CHARGES = [booked(1, Fraction(1, 3)), booked(2, Fraction(1, 7), Fraction(1, 10**9)), booked(3, Fraction(1, 11))]
SOUND = Books(
    charges={one.release_id: one for one in CHARGES},
    postings=(("r1", "a"), ("r2", "a"), ("r2", "b"), ("r3", "b")),
    spent={
        "a": PrivacyLoss(Fraction(10, 21), None, Fraction(1, 10**9)),
        "b": PrivacyLoss(Fraction(18, 77), None, Fraction(1, 10**9)),
    },
    released=frozenset({"r1", "r3"}),
)
CAPS = {"a": Account("a", "", Fraction(10, 21), Fraction(1, 10**9)), "c": Account("c", "", Fraction(0))}


def faults(books: Books, caps: dict[str, Account] = CAPS) -> list[tuple[FaultKind, str]]:
    return [(one.kind, one.subject) for one in look_over(books, caps)]


def test_sound_books_have_no_faults_also_at_the_cap() -> None:
    assert sums(SOUND) == SOUND.spent
    assert faults(SOUND) == []


def test_an_account_that_says_less_or_more_differs_to_the_last_digit() -> None:
    for rho, delta in ((TINY, Fraction(0)), (-TINY, Fraction(0)), (Fraction(0), TINY), (Fraction(0), -TINY)):
        said = replace(SOUND.spent["b"], rho=SOUND.spent["b"].rho + rho, delta=SOUND.spent["b"].delta + delta)
        assert faults(replace(SOUND, spent={**SOUND.spent, "b": said})) == [(FaultKind.DIFFERS, "b")]
    assert faults(replace(SOUND, spent={"a": SOUND.spent["a"]})) == [(FaultKind.DIFFERS, "b")]
    emptied = {**SOUND.spent, "d": PrivacyLoss(TINY)}
    assert faults(replace(SOUND, spent=emptied)) == [(FaultKind.DIFFERS, "d")]


def test_a_sum_over_the_cap_of_rho_or_of_delta_is_a_fault() -> None:
    lower = {"a": replace(CAPS["a"], cap=CAPS["a"].cap - TINY)}
    assert faults(SOUND, lower) == [(FaultKind.OVER_CAP, "a")]
    assert faults(SOUND, {"a": replace(CAPS["a"], delta_cap=Fraction(0))}) == [(FaultKind.OVER_CAP, "a")]


def test_what_was_never_charged_and_what_nobody_bears_are_faults() -> None:
    assert faults(replace(SOUND, released=frozenset({"r1", "r9"}))) == [(FaultKind.UNCHARGED, "r9")]
    more = replace(SOUND, charges={**SOUND.charges, "r4": booked(4, TINY)})
    assert faults(more) == [(FaultKind.UNBORNE, "r4")]
    lost = replace(SOUND, postings=(*SOUND.postings, ("r8", "a")))
    assert faults(lost) == [(FaultKind.UNCHARGED, "r8")]
