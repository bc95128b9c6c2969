"""The ledger of privacy loss, in the state database. All sums are exact rationals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from gateway.accountability import release as release_codec
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.budgets import accounts as accounts_table
from gateway.adapters.state.schema.budgets import charged_accounts, charges, releases
from gateway.model.budget import Account, Balance, Charge, recipient_account
from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.memo import Memo
from gateway.model.statistics import Release
from gateway.ports import Clock

_UNAVAILABLE = ErrorReason.LEDGER_UNAVAILABLE

# made once, for those that every repeat asks: to write a statement out costs more than to run it
_CHARGED = select(
    charges.c.rho_numerator, charges.c.rho_denominator, charges.c.delta_numerator, charges.c.delta_denominator
).where(charges.c.release_id == bindparam("id"))
_ACCOUNTS_OF = select(charged_accounts.c.account_id).where(charged_accounts.c.release_id == bindparam("id"))
_STORED = select(releases.c.payload).where(releases.c.release_id == bindparam("id"))


_REMEMBERED = 128
_LONGEST = 65_536
"""Bytes of a stored release that is kept in memory too: some fifteen times as many there."""


@dataclass(frozen=True, slots=True, repr=False)
class _Standing:
    """What stands under the id of a release: what was charged, to which accounts, and the release if it is stored."""

    loss: PrivacyLoss
    accounts: frozenset[str]
    release: Release | None

    def charge(self, release_id: str, accounts: Sequence[Account]) -> Charge:
        """The charge of whoever asks again."""
        own = all(account.id in self.accounts for account in accounts)
        return Charge(release_id, self.loss.rho, fresh=False, delta=self.loss.delta, own=own)


class SqlBudgetLedger:
    """A `BudgetLedger`. A charge reads, compares and writes in one transaction in which nobody else
    writes.

    What is charged and stored is never changed and never deleted, by any process: a few releases, those that were asked
    for again, are remembered whole."""

    def __init__(self, database: StateDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._remembered = Memo[str, _Standing](_REMEMBERED)

    def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        """Return what each account has spent, in the order given, all as of one moment.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _balances(connection, accounts)

    def charge(self, release_id: str, accounts: Sequence[Account], loss: PrivacyLoss) -> Charge | tuple[Balance, ...]:
        """Charge the whole loss to all accounts or to none, durably; or return the balances that cannot bear it.

        A release that was charged before is not charged again (`fresh=False`, with what was charged then).

        Raises:
            Fault: LEDGER_UNAVAILABLE; or INTERNAL for what no caller may ask: a loss that is not exact or has no rho,
                no account, or one account twice. Nothing was charged then.
        """
        if type(loss.rho) is not Fraction or type(loss.delta) is not Fraction or loss.rho <= 0 or not accounts:
            raise Fault(ErrorReason.INTERNAL)
        if len({account.id for account in accounts}) != len(accounts):
            raise Fault(ErrorReason.INTERNAL)
        # what is charged stays charged: a repeat waits for nobody who writes
        before = self._standing(release_id)
        if before is not None:
            return before.charge(release_id, accounts)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            loss_before = _charged(connection, release_id)
            if loss_before is not None:
                return _Standing(loss_before, _accounts_of(connection, release_id), None).charge(release_id, accounts)
            balances = _balances(connection, accounts)
            short = tuple(balance for balance in balances if not balance.bears(loss))
            if short:
                return short
            self._write(connection, release_id, balances, loss)
        return Charge(release_id, loss.rho, fresh=True, delta=loss.delta)

    def caused(self, institution: str, start: datetime, end: datetime) -> PrivacyLoss:
        """Return what was charged for requests of an institution from `start` to before `end`, added up.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        own = recipient_account(institution)
        borne = charged_accounts.c.account_id
        made = (
            select(borne, *_CHARGED.selected_columns)
            .join_from(charges, charged_accounts)
            .where(charges.c.charged_at >= start, charges.c.charged_at < end)
            .where(or_(borne == own, borne.startswith(f"{own}/", autoescape=True)))
        )
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            # a database may compare without regard to case
            losses = [_loss(*amounts) for account, *amounts in connection.execute(made) if _is_of(account, own)]
            return sum(losses, start=PrivacyLoss(Fraction(0)))

    def stored(self, release_id: str) -> Release | None:
        """Return the release if it was stored.

        Raises:
            Fault: LEDGER_UNAVAILABLE, also if what is stored cannot be read back exactly.
        """
        standing = self._standing(release_id)
        return None if standing is None else standing.release

    def store(self, release: Release) -> Release:
        """Store a charged release durably and return the one that stands: the first stored under its id.

        Raises:
            Fault: LEDGER_UNAVAILABLE; or INTERNAL if the release was never charged, or loses more than was
                charged.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            charged = _charged(connection, release.id)
            if charged is None or release.loss.rho > charged.rho or release.loss.delta > charged.delta:
                raise Fault(ErrorReason.INTERNAL)
            first = _stored(connection, release.id)
            if first is not None:
                return first
            payload = release_codec.encode(release)
            connection.execute(
                insert(releases).values(release_id=release.id, payload=payload, stored_at=self._clock.now())
            )
        return release_codec.decode(payload)

    def _standing(self, release_id: str) -> _Standing | None:
        """What stands under the id; None if nothing was charged."""
        known = self._remembered.get(release_id)
        if known is not None:
            return known
        with faulting(_UNAVAILABLE):
            with self._database.reading() as connection:
                loss = _charged(connection, release_id)
                if loss is None:
                    return None
                accounts = _accounts_of(connection, release_id)
                payload: bytes | None = connection.execute(_STORED, {"id": release_id}).scalar()
            if payload is None:
                # it may be stored at any moment, by another process too
                return _Standing(loss, accounts, None)
            standing = _Standing(loss, accounts, release_codec.decode(payload))
        if len(payload) <= _LONGEST:
            self._remembered.put(release_id, standing)
        return standing

    def _write(self, connection: Connection, release_id: str, balances: Sequence[Balance], loss: PrivacyLoss) -> None:
        connection.execute(
            insert(charges).values(
                release_id=release_id,
                rho_numerator=str(loss.rho.numerator),
                rho_denominator=str(loss.rho.denominator),
                delta_numerator=str(loss.delta.numerator),
                delta_denominator=str(loss.delta.denominator),
                charged_at=self._clock.now(),
            )
        )
        known = set(_spent(connection, [balance.account.id for balance in balances]))
        for balance in balances:
            account_id, after = balance.account.id, balance.after(loss)
            amounts = {
                "spent_numerator": str(after.spent.numerator),
                "spent_denominator": str(after.spent.denominator),
                "spent_delta_numerator": str(after.spent_delta.numerator),
                "spent_delta_denominator": str(after.spent_delta.denominator),
            }
            connection.execute(
                update(accounts_table).where(accounts_table.c.account_id == account_id).values(amounts)
                if account_id in known
                else insert(accounts_table).values(account_id=account_id, **amounts)
            )
            connection.execute(insert(charged_accounts).values(release_id=release_id, account_id=account_id))


def _charged(connection: Connection, release_id: str) -> PrivacyLoss | None:
    row = connection.execute(_CHARGED, {"id": release_id}).one_or_none()
    return None if row is None else _loss(*row)


def _is_of(account_id: str, own: str) -> bool:
    return account_id == own or account_id.startswith(f"{own}/")


def _accounts_of(connection: Connection, release_id: str) -> frozenset[str]:
    return frozenset(connection.execute(_ACCOUNTS_OF, {"id": release_id}).scalars())


def _stored(connection: Connection, release_id: str) -> Release | None:
    payload = connection.execute(_STORED, {"id": release_id}).scalar()
    return None if payload is None else release_codec.decode(payload)


def _balances(connection: Connection, accounts: Sequence[Account]) -> tuple[Balance, ...]:
    spent = _spent(connection, [account.id for account in accounts])
    nothing = PrivacyLoss(Fraction(0))
    return tuple(
        Balance(account, loss.rho, loss.delta) for account in accounts for loss in (spent.get(account.id, nothing),)
    )


def _spent(connection: Connection, ids: Sequence[str]) -> dict[str, PrivacyLoss]:
    table = accounts_table.c
    rows = connection.execute(
        select(
            table.account_id,
            table.spent_numerator,
            table.spent_denominator,
            table.spent_delta_numerator,
            table.spent_delta_denominator,
        ).where(table.account_id.in_(ids))
    )
    return {account_id: _loss(*amounts) for account_id, *amounts in rows}


def _loss(rho_numerator: str, rho_denominator: str, delta_numerator: str, delta_denominator: str) -> PrivacyLoss:
    rho, delta = _fraction(rho_numerator, rho_denominator), _fraction(delta_numerator, delta_denominator)
    return PrivacyLoss(rho, None, delta)


def _fraction(numerator: str, denominator: str) -> Fraction:
    if denominator == "0":
        raise ValueError("a stored fraction is none")
    return Fraction(int(numerator), int(denominator))
