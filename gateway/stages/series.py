"""The days of a series: read once, noised once, kept, and shown from what is kept alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.accountability.certificates.series import Column, Measured, figures, series_statement
from gateway.decision.series import Series, decimals_of
from gateway.kernels.sealing import seal, unseal
from gateway.model.calendar import city_day, end_of_day
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import (
    ADD_NOISE,
    APPLY_FILTERS,
    BOUND_CONTRIBUTIONS,
    RESTRICT_REGION,
    Obligation,
)
from gateway.model.plan import DailyPlan, RowScope
from gateway.model.record import Receipt
from gateway.model.series import ClosedDay, KeptNode, SeriesSpec
from gateway.model.signing import Certificate
from gateway.model.values import Scalar
from gateway.ports import AUDIT_DOMAIN, Clock, KeyRing, KeyUse, ReleaseSigner, SeriesRegister, Source
from gateway.privacy.answers.noise import IntegerNoise, Integers
from gateway.privacy.continual.publishing import Published, node_names, publish
from gateway.privacy.layout import cells_of, laid_out
from gateway.privacy.mechanisms import add_noise
from gateway.tables import ChargedPermit, DailyFigures, ProtectedDays, ReleasedDays, require_discharged


@dataclass(frozen=True, slots=True)
class SeriesDelivery:
    """Days of a series on their way out: `published` are values for each of them in each of the cells.

    `certificate` is what the gateway signed of them; None of no day.
    """

    series: Series
    days: tuple[ClosedDay, ...]
    cells: tuple[tuple[Scalar, ...], ...]
    published: tuple[Published, ...]
    receipt: Receipt
    certificate: Certificate | None


GRACE = timedelta(days=30)
"""So long after the last day is due, days may still be read; then the figures of all days are erased."""


def ends_at(spec: SeriesSpec, contract: DataContract, now: datetime) -> datetime:
    """Return when no day of a series that is opened now is read any more, whether or not anybody asked for it."""
    due = end_of_day(spec.last_day) + timedelta(hours=contract.freshness_hours or 0)
    return max(due, now) + GRACE


def days_due(spec: SeriesSpec, contract: DataContract, now: datetime) -> int:
    """Return how many days may be read by now, by the calendar alone.

    A day may be once it is over and the time has passed within which the contract promises its rows. None may be any
    more once rows of the first day are past their retention: of those that are gone, nobody knows whose days they used.
    """
    promised = now - timedelta(hours=contract.freshness_hours or 0)
    over = spec.number(city_day(promised)) - 1
    kept = contract.retention_days
    if kept is not None and spec.first_day < city_day(now) - timedelta(days=kept):
        return 0
    return max(0, min(over, spec.days))


def read_days(charged: ChargedPermit, series: Series, first: int, last: int, source: Source) -> DailyFigures:
    """Have the engine bound every unit's contributions to days and aggregate them exactly.

    Raises:
        Fault: of the source; SOURCE_SCHEMA_CHANGED if the data is no longer what was charged for; INTERNAL if the
            engine answers in another shape than planned, or rows are kept by another day than they count on.
    """
    permit, spec, query = charged.permit, series.spec, series.settled.query
    contract = permit.scope.contract
    if contract.retention_field not in (None, spec.advances_by):
        # the policy refuses this: rows would go while their days are still used
        raise Fault(ErrorReason.INTERNAL)
    region = None if contract.region_field is None else permit.scope.region
    measures = tuple(plan.measure for plan in series.settled.noise)
    found = source.days(
        DailyPlan(
            contract=contract,
            scope=RowScope(region, None, permit.scope.disclosure.predicate),
            advances_by=spec.advances_by,
            begin=spec.first_day,
            first=spec.day(first),
            after=spec.day(last + 1),
            days_per_unit=spec.days_per_unit,
            group_by=query.group_by,
            measures=measures,
            max_groups=query.max_groups,
            salt=series.salt,
            version=charged.versions[0],
        )
    )
    cells = found.drop_columns(["day"])
    days, taken = [], 0
    for number in range(first, last + 1):
        own = cells.filter(pc.equal(found.column("day"), pa.scalar(spec.day(number))))
        taken += own.num_rows
        days.append(tuple(laid_out(own, query, measures)))
    if taken != found.num_rows:
        raise Fault(ErrorReason.INTERNAL)
    done = frozenset({Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS), Obligation(BOUND_CONTRIBUTIONS)})
    return DailyFigures._count(charged, first, tuple(days), done)


def perturb_days(exact: DailyFigures, series: Series, kept: Sequence[ClosedDay], keys: KeyRing) -> ProtectedDays:
    """Draw the nodes of the days that were read, from their figures and those that were kept of earlier days.

    Raises:
        Fault: INTERNAL if another loss was charged, a mechanism as built would lose more, or a day is missing;
            KEYS_UNAVAILABLE.
    """
    charge, settled = exact.charged.charge, series.settled
    if (charge.release_id, charge.rho, charge.delta) != (series.id, settled.loss.rho, settled.loss.delta):
        raise Fault(ErrorReason.INTERNAL)
    if [day.number for day in kept] != list(range(1, exact.first)):
        raise Fault(ErrorReason.INTERNAL)
    vault = _Vault(keys, series)
    most = settled.plan.capacity
    # what one unit changes it does not change more for being clamped
    new = [np.clip(np.array(day, np.int64), -most, most) for day in exact.days]
    figures = np.stack([*map(vault.open, kept), *new], axis=1)
    days = []
    for number, own in enumerate(new, start=exact.first):
        nodes = tuple(
            KeptNode(noise.statistic, node.id, add_noise(row.tolist(), noise))
            for noise in settled.noise
            for node, row in zip(
                settled.plan.nodes(number),
                settled.plan.measures(number, figures[noise.statistic, :number]),
                strict=True,
            )
        )
        sealed = vault.seal(number, own)
        days.append(ClosedDay(number, datetime.min, exact.charged.data_version, sealed, nodes))
    return ProtectedDays._noise(exact, tuple(days), frozenset({Obligation(ADD_NOISE)}))


def keep_days(noised: ProtectedDays, series: Series, register: SeriesRegister, clock: Clock) -> bool:
    """Keep days that were noised, unless others were kept meanwhile: those that are kept first stand.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged; LEDGER_UNAVAILABLE.
    """
    require_discharged(noised, ProtectedDays)
    now = clock.now()
    days = [replace(day, closed_at=now) for day in noised.days]
    return register.close(series.id, days, complete=days[-1].number == series.spec.days)


def deliver_days(
    released: ReleasedDays, series: Series, first: int, spans: Sequence[int], signer: ReleaseSigner
) -> SeriesDelivery:
    """Return the days from `first` on to be sent, with what is published of each, from all kept days up to the last.

    Raises:
        Fault: INTERNAL for anything but ReleasedDays, or where a node is missing; KEYS_UNAVAILABLE.
    """
    if type(released) is not ReleasedDays:
        raise Fault(ErrorReason.INTERNAL)
    settled, contract = series.settled, released.permit.scope.contract
    query = settled.query
    cells = cells_of(query, [contract.fields[group.field].decimals for group in query.group_by])
    last = len(released.days)
    if last < first:
        return SeriesDelivery(series, (), cells, (), released.receipt, None)
    nodes = {(node.statistic, node.id): node.values for day in released.days for node in day.nodes}
    names = node_names(settled.plan, last)
    try:
        kept = [np.array([nodes[noise.statistic, name] for name in names], np.float64) for noise in settled.noise]
    except KeyError:
        raise Fault(ErrorReason.INTERNAL) from None
    laws = [IntegerNoise(noise.mechanism, noise.scale) for noise in settled.noise]
    units = [10.0**decimals for decimals in decimals_of(series, contract)]
    published = tuple(
        replace(one, values=one.values / units[one.statistic], margins=one.margins / units[one.statistic])
        for one in publish(settled.plan, kept, laws, first, last, spans)
    )
    days = released.days[first - 1 :]
    columns = [Column(one.statistic, one.span, one.values.tolist(), one.margins.tolist()) for one in published]
    stated = series_statement(_measured(series), figures(series.spec, days, cells, columns), released.permit)
    certificate = Certificate(stated, signer.sign(stated))
    return SeriesDelivery(series, days, cells, published, released.receipt, certificate)


def _measured(series: Series) -> Measured:
    settled = series.settled
    return Measured(
        id=series.id,
        spec=series.spec,
        price=series.price,
        nodes=settled.plan.id,
        strategy=settled.plan.strategy.value,
        noise=settled.noise,
        max_groups=settled.query.max_groups,
        cells=settled.query.cells,
        loss=series.loss,
    )


class _Vault:
    """Keeps exact figures from whoever reads the state: sealed under a key of the gateway's own, day by day."""

    def __init__(self, keys: KeyRing, series: Series) -> None:
        self._suite = keys.suite
        self._key = keys.working_key(AUDIT_DOMAIN, KeyUse.SERIES, series.id)
        self._shape = (len(series.settled.noise), series.settled.query.cells)

    def seal(self, number: int, figures: Integers) -> bytes:
        return seal(self._suite, self._key, _place(number), figures.astype("<i8").tobytes())

    def open(self, day: ClosedDay) -> Integers:
        try:
            plain = unseal(self._suite, self._key, _place(day.number), day.figures)
        except ValueError:
            raise Fault(ErrorReason.LEDGER_UNAVAILABLE) from None
        return np.frombuffer(plain, "<i8").astype(np.int64).reshape(self._shape)


def _place(number: int) -> bytes:
    return f"day/{number}".encode()
