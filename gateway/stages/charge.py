"""Privacy loss is charged durably before any noise is drawn; what is charged is never given back."""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from gateway.decision.series import Series
from gateway.decision.synthesis import synthesis_within
from gateway.kernels.digest import digest_of
from gateway.model.budget import Account, Balance, Charge
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.permit import NearestPlan, Permit, Refusal
from gateway.model.request import ReleaseRequest, RowsRequest, SynthesisRequest
from gateway.ports import AUDIT_DOMAIN, BudgetLedger, Clock, KeyRing, KeyUse, Source
from gateway.privacy.pricing import price_within, settle
from gateway.privacy.release_id import release_id, rows_id, synthesis_id
from gateway.tables import AdmittedPermit, ChargedPermit


def charge(
    admitted: AdmittedPermit,
    accounts: Sequence[Account],
    ledger: BudgetLedger,
    source: Source,
    keys: KeyRing,
    sealed_for: str = "",
) -> ChargedPermit | Refusal:
    """Charge every account or none; the same release on the same data is charged once.

    What is `sealed_for` a contest has a name that nobody else can work out, so that nobody gets it by asking the same;
    and one name whatever the data are, so that it is charged once.

    Raises:
        Fault: of the source or KEYS_UNAVAILABLE (before anything is charged), or LEDGER_UNAVAILABLE.
    """
    permit = admitted.permit
    versions = versions_now(permit, source)
    version = data_read(permit, versions, keys)
    name = _sealed_name(permit, sealed_for, keys) if sealed_for else _name(permit, version)
    outcome = ledger.charge(name, accounts, _priced(permit))
    if not isinstance(outcome, Charge):
        refusal = permit.refused(ErrorReason.BUDGET_EXHAUSTED)
        return refusal if sealed_for else _with_what_fits(refusal, permit, outcome)
    return ChargedPermit._prove(admitted, outcome, version, versions)


def charge_rows(
    admitted: AdmittedPermit, accounts: Sequence[Account], ledger: BudgetLedger, source: Source, keys: KeyRing
) -> ChargedPermit | Refusal | None:
    """Charge what randomised fields of rows may lose; None where no field is randomised.

    The same rows, asked for again under the same keys, are randomised alike and charged once.

    Raises:
        Fault: as `charge`.
    """
    permit = admitted.permit
    if permit.loss is None:
        return None
    versions = versions_now(permit, source)
    version = data_read(permit, versions, keys)
    outcome = ledger.charge(_name_of_rows(permit, version), accounts, permit.loss)
    if not isinstance(outcome, Charge):
        return permit.refused(ErrorReason.BUDGET_EXHAUSTED)
    return ChargedPermit._prove(admitted, outcome, version, versions)


def charge_series(
    admitted: AdmittedPermit,
    series: Series,
    accounts: Sequence[Account],
    ledger: BudgetLedger,
    source: Source,
    keys: KeyRing,
) -> ChargedPermit | Refusal:
    """Charge the whole horizon of a series to every account or none, once. Charged before, it costs nothing.

    Raises:
        Fault: as `charge`; INTERNAL if the permit was given for another loss.
    """
    permit = admitted.permit
    versions = versions_now(permit, source)
    version = data_read(permit, versions, keys)
    if permit.loss != series.loss:
        raise Fault(ErrorReason.INTERNAL)
    outcome = ledger.charge(series.id, accounts, series.loss)
    if not isinstance(outcome, Charge):
        return permit.refused(ErrorReason.BUDGET_EXHAUSTED)
    return ChargedPermit._prove(admitted, outcome, version, versions)


@contextmanager
def one_failure() -> Iterator[None]:
    """Make every failure after a charge one failure.

    Raises:
        Fault: RELEASE_FAILED, in place of whatever went wrong inside.
    """
    try:
        yield
    except Exception as error:
        raise Fault(ErrorReason.RELEASE_FAILED) from error


@contextmanager
def answer_slot(permit: Permit, began: float, clock: Clock) -> Iterator[None]:
    """Hold every outcome of reading and noise to one answer time, and every failure to one answer.

    What is written down and shown comes after it: no instant of the work leaves, and nobody is told earlier that a
    release is there. The time is `slot_ms` of the contract after `began`, or the next multiple of it, so that neither
    the data nor the noise shows in how long an answer takes.

    Raises:
        Fault: RELEASE_FAILED, in place of whatever went wrong inside.
    """
    disclosure = permit.disclosure
    spec = disclosure.statistics if permit.synthesis is None else disclosure.synthesis
    if spec is None:
        raise Fault(ErrorReason.INTERNAL)
    slot = spec.slot_ms / 1000
    try:
        with one_failure():
            yield
    finally:
        slots = max(1, math.ceil((clock.monotonic() - began) / slot))
        clock.sleep_until(began + slots * slot)


def versions_now(permit: Permit, source: Source) -> tuple[str, ...]:
    """Return the source's own names for all data that a permit opens, one a dataset, as they stand and fit.

    Raises:
        Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
    """
    return tuple(version_now(one.scope.contract, source) for one in permit.each)


def version_now(contract: DataContract, source: Source) -> str:
    """Return the source's own name for the data as it stands, once it was seen to fit its contract.

    Raises:
        Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
    """
    source.verify(contract)
    return source.data_version(contract)


def data_version(contract: DataContract, version: str, keys: KeyRing) -> str:
    """Return the name (hex) of a version of the data by which receipts and releases call it.

    What the source computes from the data would tell of it without noise, so what leaves is its HMAC-SHA256 under a
    key of the gateway's own: the same for the same data, and random to everybody else.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.DATA_VERSION, contract.dataset)
    return hmac.digest(key, version.encode(), "sha256").hex()


def data_read(permit: Permit, versions: Sequence[str], keys: KeyRing) -> str:
    """Return the name (hex) of all data that a permit opens: of two datasets, a digest of both their names.

    Raises:
        Fault: as `data_version`.
    """
    named = [
        data_version(one.scope.contract, version, keys) for one, version in zip(permit.each, versions, strict=True)
    ]
    return named[0] if len(named) == 1 else digest_of("joined", *named).hex()


def _with_what_fits(refusal: Refusal, permit: Permit, short: Sequence[Balance]) -> Refusal:
    """The refusal with the same request at the largest price that fits, which `GetBudget` tells the same caller."""
    if isinstance(permit.request, SynthesisRequest):
        return replace(refusal, synthesis=synthesis_within(permit, min(balance.remaining for balance in short)))
    return replace(refusal, plan=_affordable(permit, short))


def _affordable(permit: Permit, short: Sequence[Balance]) -> NearestPlan | None:
    """The same plan at the largest price that these budgets bear; None where there is none."""
    request, settled = permit.request, permit.release
    if not isinstance(request, ReleaseRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    price = price_within(settled.loss, request.price, min(balance.remaining for balance in short))
    if price is None:
        return None
    cheaper = settle(settled.query, request.query.statistics, price, permit.contract)
    if cheaper is None or not all(balance.bears(cheaper.loss) for balance in short):
        return None
    return NearestPlan(request.dataset, request.disclosure, request.query, price)


def _name(permit: Permit, data_version: str) -> str:
    match permit.request:
        case ReleaseRequest():
            return release_id(permit, permit.request, data_version)
        case SynthesisRequest():
            return synthesis_id(permit, permit.request, data_version)
        case _:
            raise Fault(ErrorReason.INTERNAL)


def _sealed_name(permit: Permit, contest: str, keys: KeyRing) -> str:
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.DATA_VERSION, f"sealed/{contest}")
    return hmac.digest(key, _name(permit, "").encode(), "sha256").hex()


def _name_of_rows(permit: Permit, data_version: str) -> str:
    if not isinstance(permit.request, RowsRequest):
        raise Fault(ErrorReason.INTERNAL)
    return rows_id(permit, permit.request, data_version)


def _priced(permit: Permit) -> PrivacyLoss:
    if permit.loss is None:
        raise Fault(ErrorReason.INTERNAL)
    return permit.loss
