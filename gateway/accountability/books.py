"""The check of the books: every charge is added up again, exactly, and held against what its accounts say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gateway.model.books import Books
from gateway.model.budget import Account
from gateway.model.loss import PrivacyLoss, exact


class FaultKind(StrEnum):
    """What is wrong in the books."""

    DIFFERS = "differs"
    OVER_CAP = "over-cap"
    UNCHARGED = "uncharged"
    UNBORNE = "unborne"


@dataclass(frozen=True, slots=True)
class BookFault:
    """Something that is wrong; `subject` is an account or a release id."""

    kind: FaultKind
    subject: str
    message: str


def sums(books: Books) -> dict[str, PrivacyLoss]:
    """Return what the charges of each account add up to, exactly."""
    nothing = PrivacyLoss(Fraction(0))
    added: dict[str, PrivacyLoss] = {}
    for release_id, account_id in books.postings:
        charge = books.charges.get(release_id)
        if charge is not None:
            added[account_id] = added.get(account_id, nothing) + charge.loss
    return added


def look_over(books: Books, accounts: Mapping[str, Account]) -> Iterator[BookFault]:
    """Yield everything that is wrong. `accounts` are those that the policy caps, by id, with their caps of today.

    Account by account: what it says it has spent is not what its charges add up to; or these are more than its cap.
    Then releases: one that is stored, or named by an account, without a charge; a charge that no account bears.
    """
    added, nothing = sums(books), PrivacyLoss(Fraction(0))
    for account_id in sorted({*books.spent, *added}):
        total, said = added.get(account_id, nothing), books.spent.get(account_id, nothing)
        if (total.rho, total.delta) != (said.rho, said.delta):
            yield BookFault(
                FaultKind.DIFFERS, account_id,
                f"its charges add up to {_written(total)}, and it says {_written(said)}",
            )  # fmt: skip
        account = accounts.get(account_id)
        if account is not None and (total.rho > account.cap or total.delta > account.delta_cap):
            cap = PrivacyLoss(account.cap, None, account.delta_cap)
            yield BookFault(
                FaultKind.OVER_CAP,
                account_id,
                f"its charges add up to {_written(total)}, and its cap is {_written(cap)}",
            )
    borne = {release_id for release_id, _ in books.postings}
    for release_id in sorted((borne | books.released) - books.charges.keys()):
        yield BookFault(FaultKind.UNCHARGED, release_id, "there is no charge for it")
    for release_id in sorted(books.charges.keys() - borne):
        yield BookFault(FaultKind.UNBORNE, release_id, "no account bears its charge")


def _written(loss: PrivacyLoss) -> str:
    return f"rho {exact(loss.rho)}" + (f", delta {exact(loss.delta)}" if loss.delta else "")
