"""The price of a plan before it is spent, and what else could be asked. Spends nothing and reads no data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gateway.decision.alternatives import MOST, Option
from gateway.model.alternative import Alternative
from gateway.model.budget import Account, Balance
from gateway.model.contract import SynthesisSpec
from gateway.model.coverage import Coverage
from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.margins import AnswerMargin
from gateway.model.measure import Price
from gateway.model.permit import Permit
from gateway.model.plan import SettledRelease
from gateway.model.request import ReleaseRequest, SynthesisRequest
from gateway.model.synthesis import SettledSynthesis
from gateway.ports import BudgetLedger, KeyRing, Source, SynthesisRegister
from gateway.privacy.coverage import covered, covered_extract
from gateway.privacy.margins import answer_margins
from gateway.privacy.release_id import release_id, synthesis_id
from gateway.stages.charge import data_read, versions_now

_NOTHING = PrivacyLoss(Fraction(0))


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a plan before it is spent. `balances_after` are the budgets as a charge would leave them."""

    price: Price
    settled: SettledRelease
    margins: tuple[AnswerMargin, ...]
    balances_after: tuple[Balance, ...]
    affordable: bool
    already_released: bool
    delta: float
    alternatives: tuple[Alternative, ...]
    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True)
class SynthesisQuote:
    """The price of synthetic rows before it is spent, and what is counted for it."""

    request: SynthesisRequest
    spec: SynthesisSpec
    settled: SettledSynthesis
    balances_after: tuple[Balance, ...]
    affordable: bool
    already_counted: bool
    delta: float
    coverage: tuple[Coverage, ...]


def quote(
    permit: Permit,
    options: Sequence[Option],
    answering: Iterable[Option],
    accounts: Sequence[Account],
    delta: float,
    ledger: BudgetLedger,
    source: Source,
    keys: KeyRing,
) -> Quote:
    """Tell the price of a permitted plan and what would be left, and which of the other requests are there to be made.

    `options` are told whether or not their releases are there; of `answering`, whose releases hold the answers of this
    one, those that are.

    Raises:
        Fault: of the source, KEYS_UNAVAILABLE or LEDGER_UNAVAILABLE.
    """
    request, settled = permit.request, permit.release
    if not isinstance(request, ReleaseRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    version = data_read(permit, versions_now(permit, source), keys)
    released = _is_released(permit, version, ledger)
    price = _NOTHING if released else settled.loss
    balances = ledger.balances(accounts)
    found = [] if released else [option for option in answering if _is_released(option.permit, version, ledger)]
    others = [(option, True) for option in found]
    others += [(option, _is_released(option.permit, version, ledger)) for option in options]
    return Quote(
        price=request.price,
        settled=settled,
        coverage=covered(permit),
        margins=answer_margins(settled, request.query.statistics, permit.contract),
        balances_after=tuple(balance.after(price) for balance in balances),
        affordable=released or all(balance.bears(price) for balance in balances),
        already_released=released,
        delta=delta,
        alternatives=tuple(_alternative(option, balances, released=there) for option, there in others[:MOST]),
    )


def quote_synthesis(
    permit: Permit,
    accounts: Sequence[Account],
    delta: float,
    ledger: BudgetLedger,
    register: SynthesisRegister,
    source: Source,
    keys: KeyRing,
) -> SynthesisQuote:
    """Tell the price of permitted synthetic rows, what is counted for it, and what would be left.

    Raises:
        Fault: of the source, KEYS_UNAVAILABLE, LEDGER_UNAVAILABLE or REGISTER_UNAVAILABLE.
    """
    request, settled, spec = permit.request, permit.synthesis, permit.scope.disclosure.synthesis
    if not isinstance(request, SynthesisRequest) or settled is None or spec is None:
        raise Fault(ErrorReason.INTERNAL)
    # its name has the plan and the data, so nobody learns of another
    version = data_read(permit, versions_now(permit, source), keys)
    counted = register.counts(synthesis_id(permit, request, version))
    price = settled.loss if counted is None else _NOTHING
    balances = ledger.balances(accounts)
    return SynthesisQuote(
        request=request,
        spec=spec,
        settled=settled,
        balances_after=tuple(balance.after(price) for balance in balances),
        affordable=counted is not None or all(balance.bears(price) for balance in balances),
        already_counted=counted is not None,
        delta=delta,
        coverage=covered_extract(permit),
    )


def _alternative(option: Option, balances: Sequence[Balance], *, released: bool) -> Alternative:
    request, loss = option.permit.request, option.permit.loss
    if not isinstance(request, ReleaseRequest) or loss is None:
        raise Fault(ErrorReason.INTERNAL)
    return Alternative(
        change=option.change,
        request=request,
        lost=option.lost,
        loss=_NOTHING if released else loss,
        margins=option.margins(),
        affordable=released or all(balance.bears(loss) for balance in balances),
        released=released,
    )


def _is_released(permit: Permit, version: str, ledger: BudgetLedger) -> bool:
    """Whether the release is there: its name has the plan and the data, so nobody learns of another."""
    if not isinstance(permit.request, ReleaseRequest):
        raise Fault(ErrorReason.INTERNAL)
    return ledger.stored(release_id(permit, permit.request, version)) is not None
