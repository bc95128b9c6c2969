"""The books of the budgets, read whole from the state database. For operators; the gateway has no need of it."""

from __future__ import annotations

from fractions import Fraction

from sqlalchemy import select

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.budgets import accounts, charged_accounts, charges, releases
from gateway.model.books import Booked, Books
from gateway.model.errors import ErrorReason
from gateway.model.loss import PrivacyLoss


def read_books(database: StateDatabase) -> Books:
    """Return the books as of one moment, also while a gateway writes them.

    Nothing is joined, so that what does not fit together shows.

    Raises:
        Fault: LEDGER_UNAVAILABLE, also where what is stored is no loss.
    """
    with faulting(ErrorReason.LEDGER_UNAVAILABLE), database.reading() as connection:
        made = connection.execute(
            select(
                charges.c.release_id,
                charges.c.charged_at,
                charges.c.rho_numerator,
                charges.c.rho_denominator,
                charges.c.delta_numerator,
                charges.c.delta_denominator,
            ).order_by(charges.c.charged_at, charges.c.release_id)
        )
        booked = {release_id: Booked(release_id, _loss(*amounts), at) for release_id, at, *amounts in made}
        spent = connection.execute(
            select(
                accounts.c.account_id,
                accounts.c.spent_numerator,
                accounts.c.spent_denominator,
                accounts.c.spent_delta_numerator,
                accounts.c.spent_delta_denominator,
            ).order_by(accounts.c.account_id)
        )
        by_account = {account_id: _loss(*amounts) for account_id, *amounts in spent}
        pairs = connection.execute(select(charged_accounts.c.release_id, charged_accounts.c.account_id))
        return Books(
            charges=booked,
            postings=tuple((release_id, account_id) for release_id, account_id in pairs),
            spent=by_account,
            released=frozenset(connection.execute(select(releases.c.release_id)).scalars()),
        )


def _loss(rho_numerator: str, rho_denominator: str, delta_numerator: str, delta_denominator: str) -> PrivacyLoss:
    rho = Fraction(int(rho_numerator), int(rho_denominator))
    return PrivacyLoss(rho, None, Fraction(int(delta_numerator), int(delta_denominator)))
