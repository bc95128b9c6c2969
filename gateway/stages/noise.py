"""Noise, or its absence by name. Statistics are noised here; rows say why they are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import pyarrow as pa

from gateway.kernels.perturb import DiscreteLaplace, RandomizedResponse
from gateway.model.contract import FieldSpec
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import ADD_NOISE, TREAT, WAIVE_NOISE, Obligation, Permit
from gateway.model.pseudonym import CipherSuite
from gateway.model.statistics import NoisedMeasure
from gateway.model.values import Scalar
from gateway.ports import KeyRing, KeyUse
from gateway.privacy.binding import MAX_ANSWERS
from gateway.privacy.mechanisms import add_noise
from gateway.privacy.thresholds import shown_places
from gateway.tables import (
    BoundedAggregates,
    ChargedPermit,
    ProtectedMeasures,
    ProtectedTable,
    PseudonymizedTable,
    RehearsedAggregates,
    Segment,
)


def waive_noise(pseudonymous: PseudonymizedTable) -> ProtectedTable:
    """Let rows pass without noise, where the contract gives the reason in writing.

    Raises:
        Fault: INTERNAL if it gives none.
    """
    if not waives_noise(pseudonymous.permit):
        raise Fault(ErrorReason.INTERNAL)
    done = frozenset({Obligation(WAIVE_NOISE)})
    return ProtectedTable._advance(pseudonymous, pseudonymous.schema, pseudonymous.take(), done)


def randomize(pseudonymous: PseudonymizedTable, charged: ChargedPermit, keys: KeyRing) -> ProtectedTable:
    """Randomise the fields whose treatment says so, by coins that are fixed for the recipient, the charge, the subject
    and the value. The other fields pass as `waive_noise` lets them.

    Raises:
        Fault: INTERNAL if another loss was charged, or a mechanism as built would lose more; KEYS_UNAVAILABLE.
    """
    permit = pseudonymous.permit
    perturbed, loss = permit.scope.perturbed, permit.loss
    if charged.permit is not permit or loss is None or charged.charge.rho != loss.rho or not waives_noise(permit):
        raise Fault(ErrorReason.INTERNAL)
    contract, schema = permit.scope.contract, pseudonymous.schema
    drawings = {}
    for name, how in perturbed.items():
        key = keys.working_key(permit.domain, KeyUse.PERTURB, f"{contract.dataset}/{name}")
        # the charge names the request: another one throws other coins, or differing answers would tell of values
        occasion = f"{charged.charge.release_id}/{name}"
        arrow, epsilon = schema.field(name).type, Fraction(how.epsilon)
        drawings[name] = _drawing(contract.fields[name], arrow, occasion, epsilon, keys.suite, key)

    def segments(source: Iterator[Segment]) -> Iterator[Segment]:
        for segment in source:
            columns = list(segment.records.columns)
            for name, drawing in drawings.items():
                place = schema.get_field_index(name)
                columns[place] = drawing.answer(columns[place], segment.tags)
            yield replace(segment, records=pa.record_batch(columns, schema=schema))

    done = frozenset({Obligation(WAIVE_NOISE), *(Obligation(TREAT, name) for name in perturbed)})
    return ProtectedTable._advance(pseudonymous, schema, segments(pseudonymous.take()), done)


def _drawing(
    field: FieldSpec, arrow: pa.DataType, occasion: str, epsilon: Fraction, suite: CipherSuite, key: bytes
) -> RandomizedResponse | DiscreteLaplace:
    """Return what randomises a field, after seeing that it loses no more than epsilon as it is built."""
    drawing: RandomizedResponse | DiscreteLaplace
    if field.keys is not None:
        drawing = RandomizedResponse(
            field.keys, arrow, nullable=field.nullable, epsilon=epsilon, occasion=occasion, key=key, suite=suite
        )
    elif field.bounds is not None:
        lower, upper = field.bounds.lower, field.bounds.upper
        drawing = DiscreteLaplace(lower, upper, epsilon=epsilon, occasion=occasion, key=key, suite=suite)
    else:
        raise Fault(ErrorReason.INTERNAL)
    if drawing.loss > epsilon:
        raise Fault(ErrorReason.INTERNAL)
    return drawing


def perturb(exact: BoundedAggregates) -> ProtectedMeasures:
    """Add integer noise to every value of every measure, as settled before the charge; of keys that were found in the
    data, drop those that do not reach the threshold.

    Raises:
        Fault: INTERNAL if another loss was charged, or a mechanism as built would lose more than was settled.
    """
    plans, loss, charge = exact.permit.noise, exact.permit.loss, exact.charged.charge
    if not plans or loss is None or (charge.rho, charge.delta) != (loss.rho, loss.delta):
        raise Fault(ErrorReason.INTERNAL)
    cells, noisy = _noised(exact.permit, exact.cells, exact.vectors)
    return ProtectedMeasures._protect(exact, cells, noisy, frozenset({Obligation(ADD_NOISE)}))


def perturb_rehearsed(
    rehearsed: RehearsedAggregates,
) -> tuple[tuple[tuple[Scalar, ...], ...], tuple[NoisedMeasure, ...]]:
    """Add the same noise to what was made up. There is nobody to protect: it is there to be rehearsed with.

    Raises:
        Fault: INTERNAL for anything but RehearsedAggregates.
    """
    if type(rehearsed) is not RehearsedAggregates or not rehearsed.permit.noise:
        raise Fault(ErrorReason.INTERNAL)
    return _noised(rehearsed.permit, rehearsed.cells, rehearsed.vectors)


def _noised(
    permit: Permit, cells: tuple[tuple[Scalar, ...], ...], vectors: Sequence[tuple[int, ...]]
) -> tuple[tuple[tuple[Scalar, ...], ...], tuple[NoisedMeasure, ...]]:
    """The measures with their noise; of keys that were found in the data, those cells that reach the threshold."""
    noisy = tuple(
        NoisedMeasure(plan, add_noise(vector, plan)) for plan, vector in zip(permit.noise, vectors, strict=True)
    )
    release = permit.release
    if release is not None and release.threshold is not None:
        places = shown_places(release.threshold, noisy, MAX_ANSWERS // len(release.query.measures)).tolist()
        cells = tuple(cells[place] for place in places)
        noisy = tuple(replace(one, values=tuple(one.values[place] for place in places)) for one in noisy)
    elif release is not None and release.query.found:
        raise Fault(ErrorReason.INTERNAL)
    return cells, noisy


def waives_noise(permit: Permit) -> bool:
    """Whether the contract gives the reason in writing why rows leave without noise."""
    return bool(permit.scope.disclosure.waive_noise.strip())
