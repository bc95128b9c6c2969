"""Series, on one page: charged once for all days, and then read a day at a time, each day once, for nothing more.

Whoever may have the same statistics as one release may have a series, by the same decision. It is opened by whoever
pays; from then on everybody entitled gets the days that are over. The first who asks for a day that nobody asked for
yet has it read and noised. What was kept of a day is all that is ever shown of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from gateway.decision.offers import offers
from gateway.decision.series import Series, decimals_of, declared, question, series_of
from gateway.model.calendar import city_day
from gateway.model.contract import DataContract, DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Price
from gateway.model.party import Identity, Peer
from gateway.model.permit import FieldViolation, Permit, Refusal
from gateway.model.record import Receipt
from gateway.model.request import ReleaseRequest, RequestContext
from gateway.model.series import Opening, SeriesSpec
from gateway.pipeline import Ports, Refused, accounts_of, refused
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.binding import MAX_ANSWERS
from gateway.privacy.continual.publishing import WHOLE, margin_of
from gateway.stages.admit import AdmittedPermit, admit, preview
from gateway.stages.authenticate import authenticate
from gateway.stages.charge import answer_slot, charge_series, one_failure
from gateway.stages.decide import decide
from gateway.stages.record.series import record_days
from gateway.stages.series import SeriesDelivery, days_due, deliver_days, ends_at, keep_days, perturb_days, read_days

MAX_DAYS = 400
"""So many days are answered at once; and no more answers than of a release."""

USUAL_SPANS = (WHOLE, 1, 7)
"""The spans whose margins are told beforehand: all days so far, the day itself, and seven days."""


@dataclass(frozen=True, slots=True)
class Named:
    """A series by its name in a contract."""

    dataset: str
    disclosure: str
    name: str


class Margin(NamedTuple):
    """The margin that sums over a span have on the last day, in the field's own units; known before the first."""

    statistic: int
    span: int
    half_width: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A series and how it stands: whether it was opened, how many days are kept, and how many could be by now."""

    contract: DataContract
    disclosure: str
    region: str
    series: Series
    opening: Opening | None
    closed: int
    due: int
    margins: tuple[Margin, ...]


class Opened(NamedTuple):
    """A series that is open. `paid` tells whether this request was charged for it."""

    standing: Standing
    receipt: Receipt
    paid: bool


class Days(NamedTuple):
    """Some days of a series; `following` is the first that was asked for and did not fit, None where all did."""

    standing: Standing
    delivery: SeriesDelivery
    spans: tuple[int, ...]
    following: date | None


def list_series(ports: Ports, peer: Peer, context: RequestContext, dataset: str) -> tuple[Standing, ...] | Refused:
    """Tell which series the caller may have for a purpose in a region, their prices and margins. Spends nothing.

    Where there is none, the first that was refused says why; and where nothing is granted that could have any, a
    release of nothing does. So it is empty for a caller alone whose disclosures declare no series.
    """
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    found: list[Standing] = []
    against: list[tuple[ReleaseRequest, Refusal]] = []
    for spec, request in _offered(identity, policy, context, dataset, city_day(ports.clock.now())):
        told = _told(ports, identity, policy, spec, request)
        if isinstance(told, Refusal):
            against.append((request, told))
        else:
            found.append(told)
    if found or not against:
        return tuple(found)
    request, refusal = against[0]
    return refused(refusal, identity, request, policy, ports)


def open_series(ports: Ports, peer: Peer, context: RequestContext, named: Named, price: Price) -> Opened | Refused:
    """Charge a series for all its days, before any is read. Opened before, it is not charged again.

    The price is what the caller agrees to: that of the contract, or nothing is charged.
    """
    asked = _asked(ports, peer, context, named)
    if isinstance(asked, Refused):
        return asked
    series = asked.series
    if price != series.price:
        own = f"{series.price.currency.value}={float(series.price.amount):g}"
        violation = FieldViolation(
            price.currency.value, f"is not the price of this series, which is {own}: agree to that"
        )
        return asked.refused(ports, Refusal(ErrorReason.EPSILON_OUT_OF_RANGE, violations=(violation,)))
    accounts = accounts_of(asked.permit, asked.policy, ports)
    charged = charge_series(asked.admitted, series, accounts, ports.ledger, ports.source, ports.keys)
    if isinstance(charged, Refusal):
        return asked.refused(ports, charged)
    # recorded before it is open: what was charged and not recorded is recorded as paid for when it is opened again
    known = asked.opening is not None
    told = record_days(asked.admitted, series, (), 0, ports.audit, ports.clock, replay=known)
    by, at = asked.identity.institution, ports.clock.now()
    until = ends_at(series.spec, asked.permit.scope.contract, at)
    opening = ports.registers.series.open(Opening(series.id, series.settled.plan.id, by, at, until))
    return Opened(_standing(ports, asked.permit, series, opening), told.receipt, charged.charge.fresh)


def get_series(
    ports: Ports,
    peer: Peer,
    context: RequestContext,
    named: Named,
    first: date | None,
    last: date | None,
    spans: Sequence[int],
) -> Days | Refused:
    """Give the days of an open series from the first to the last asked for, as far as they are over.

    Every answer comes in the slot of the disclosure, whether or not a day had to be read for it.
    """
    began = ports.clock.monotonic()
    asked = _asked(ports, peer, context, named)
    if isinstance(asked, Refused):
        return asked
    permit, series, opening = asked.permit, asked.series, asked.opening
    if opening is None:
        return asked.refused(ports, permit.refused(ErrorReason.SERIES_NOT_OPEN))
    spec, register = series.spec, ports.registers.series
    begin = 1 if first is None else max(1, spec.number(first))
    wanted = spec.days if last is None else min(spec.days, spec.number(last))
    shown = (WHOLE, 1, *spans)
    room = min(MAX_DAYS, max(1, MAX_ANSWERS // (series.settled.query.cells * len(series.settled.noise) * len(shown))))
    end = max(0, min(wanted, begin + room - 1))
    due = _due(ports, permit, series, opening)
    noised = None
    with answer_slot(permit, began, ports.clock):
        kept = register.days(series.id, end)
        if len(kept) < min(end, due):
            accounts = accounts_of(permit, asked.policy, ports)
            charged = charge_series(asked.admitted, series, accounts, ports.ledger, ports.source, ports.keys)
            if isinstance(charged, Refusal) or charged.charge.fresh:
                # an opening has a charge: without it nothing is read
                raise Fault(ErrorReason.INTERNAL)
            exact = read_days(charged, series, len(kept) + 1, min(end, due), ports.source)
            noised = perturb_days(exact, series, kept, ports.keys)
    with one_failure():
        if noised is not None:
            # kept before shown; who keeps a day first is who all others read it from
            keep_days(noised, series, register, ports.clock)
            kept = register.days(series.id, end)
        answers = max(0, len(kept) - begin + 1) * series.settled.query.cells * len(shown)
        released = record_days(asked.admitted, series, kept, answers, ports.audit, ports.clock, replay=True)
        delivery = deliver_days(released, series, begin, shown, ports.signer)
    following = spec.day(end + 1) if len(kept) == end < min(wanted, due) else None
    return Days(_standing(ports, permit, series, opening), delivery, shown, following)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A series that this caller may have."""

    identity: Identity
    policy: PolicySnapshot
    request: ReleaseRequest
    admitted: AdmittedPermit
    series: Series
    opening: Opening | None

    @property
    def permit(self) -> Permit:
        return self.admitted.permit

    def refused(self, ports: Ports, refusal: Refusal) -> Refused:
        return refused(refusal, self.identity, self.request, self.policy, ports)


def _asked(ports: Ports, peer: Peer, context: RequestContext, named: Named) -> _Asked | Refused:
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    spec = declared(policy, named.dataset, named.disclosure, named.name)
    request = question(spec, context, named.dataset, named.disclosure)
    decided = decide(identity, request, policy, ports.clock)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if isinstance(admitted, Refusal):
        return refused(admitted, identity, request, policy, ports)
    if spec is None:
        violation = FieldViolation("series", "is none of this disclosure: ListSeries lists those that you may have")
        undeclared = Refusal(ErrorReason.STATISTIC_NOT_DECLARED, violations=(violation,))
        return refused(undeclared, identity, request, policy, ports)
    found = _settled(ports, admitted.permit, spec)
    if isinstance(found, Refusal):
        return refused(found, identity, request, policy, ports)
    series, opening = found
    return _Asked(identity, policy, request, admitted, series, opening)


def _settled(ports: Ports, permit: Permit, spec: SeriesSpec) -> tuple[Series, Opening | None] | Refusal:
    """Settle a series, by the nodes it was opened with where it was."""
    series = series_of(permit, spec)
    if isinstance(series, Refusal):
        return series
    opening = ports.registers.series.opening(series.id)
    if opening is not None and opening.plan != series.settled.plan.id:
        again = series_of(permit, spec, opening.plan)
        return again if isinstance(again, Refusal) else (again, opening)
    return series, opening


def _offered(
    identity: Identity, policy: PolicySnapshot, context: RequestContext, dataset: str, today: date
) -> list[tuple[SeriesSpec | None, ReleaseRequest]]:
    """The series of what is granted, each with the release that is judged in its place; or else one of nothing."""
    # without a purpose nothing is granted, and the judgement says so
    granted = offers(policy, identity.institution, today, context.purpose, dataset) if context.purpose else ()
    releases = [offer for offer in granted if offer.kind is DisclosureKind.RELEASE]
    if not releases:
        return [(None, question(None, context, dataset, ""))]
    return [
        (spec, question(spec, context, offer.contract.dataset, offer.disclosure.name))
        for offer in releases
        for spec in offer.disclosure.series.values()
    ]


def _told(
    ports: Ports, identity: Identity, policy: PolicySnapshot, spec: SeriesSpec | None, request: ReleaseRequest
) -> Standing | Refusal:
    permit = preview(decide(identity, request, policy, ports.clock), ports.registers, ports.clock)
    if isinstance(permit, Refusal):
        return permit
    if spec is None:
        # a release of nothing is never permitted
        raise Fault(ErrorReason.INTERNAL)
    found = _settled(ports, permit, spec)
    return found if isinstance(found, Refusal) else _standing(ports, permit, *found)


def _due(ports: Ports, permit: Permit, series: Series, opening: Opening | None) -> int:
    """How many days are kept or may be read by now: once a series has ended, no further ones."""
    now = ports.clock.now()
    if opening is None:
        return days_due(series.spec, permit.scope.contract, now)
    closed = ports.registers.series.closed(series.id)
    return closed if opening.ends_at <= now else max(closed, days_due(series.spec, permit.scope.contract, now))


def _standing(ports: Ports, permit: Permit, series: Series, opening: Opening | None) -> Standing:
    contract, spec = permit.scope.contract, series.spec
    units = [10.0**decimals for decimals in decimals_of(series, contract)]
    margins = tuple(
        Margin(
            one.statistic,
            span,
            margin_of(series.settled.plan, IntegerNoise(one.mechanism, one.scale), spec.days, span)
            / units[one.statistic],
        )
        for one in series.settled.noise
        for span in USUAL_SPANS
    )
    return Standing(
        contract=contract,
        disclosure=permit.scope.disclosure.name,
        region=permit.scope.region,
        series=series,
        opening=opening,
        closed=0 if opening is None else ports.registers.series.closed(series.id),
        due=_due(ports, permit, series, opening),
        margins=margins,
    )
