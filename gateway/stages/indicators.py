"""Exact figures over the region tree: counted for the whole city, small cells withheld, kept, and shown in part."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from gateway.decision.indicators import Indicator
from gateway.kernels.sealing import seal, unseal
from gateway.kernels.suppression.holdings import BUCKETS, Integers
from gateway.kernels.suppression.refresh import Published, first, refreshed
from gateway.model.errors import ErrorReason, Fault
from gateway.model.indicator import Figure, KeptIndicator
from gateway.model.permit import APPLY_FILTERS, SUPPRESS_CELLS, WAIVE_NOISE, Obligation, Permit
from gateway.model.region import is_within
from gateway.model.values import Scalar
from gateway.ports import AUDIT_DOMAIN, IndicatorRegister, KeyRing, KeyUse, Source
from gateway.stages.charge import data_version, version_now
from gateway.tables import AdmittedPermit, CountedFigures, SuppressedFigures

_FILTERED = frozenset({Obligation(APPLY_FILTERS)})
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
_GUARDED = frozenset({Obligation(SUPPRESS_CELLS), Obligation(WAIVE_NOISE)})


class DataNow(NamedTuple):
    """The data as it stands: the permit as of today, the source's own name for its state, and a name for what would be
    read of it.
    """

    permit: Permit
    version: str
    name: str


def data_now(admitted: AdmittedPermit, source: Source, keys: KeyRing, now: datetime) -> DataNow:
    """Return what there is to read at this moment.

    Rows past their retention are not read: with each day the data is another then. The day is today's, however long
    ago the permit was given: all who watch look at one thing.

    Raises:
        Fault: of the source, or KEYS_UNAVAILABLE.
    """
    permit = replace(admitted.permit, decided_at=now)
    version = version_now(permit.scope.contract, source)
    since = permit.kept_since
    return DataNow(permit, version, data_version(permit.scope.contract, f"{version}/{since or ''}", keys))


def count_figures(admitted: AdmittedPermit, indicator: Indicator, data: DataNow, source: Source) -> CountedFigures:
    """Have the engine count what every leaf of the city holds, of one version of the data.

    Raises:
        Fault: of the source; INTERNAL if the engine answers in another shape than planned.
    """
    units, rest = indicator.plans(data.permit, data.version)
    leaves, measures = len(indicator.tree.leaves), len(indicator.measures)
    amounts = np.zeros((len(indicator.keys), leaves, measures, BUCKETS), np.int64)
    regions = {indicator.places[leaf]: number for number, leaf in enumerate(indicator.tree.leaves.tolist())}
    trees = {keys: number for number, keys in enumerate(indicator.keys)}
    for begin, plan in ((0, units), (1, rest)):
        found = None if plan is None else source.aggregates(plan)
        if found is None or not found.num_rows:
            continue
        try:
            _fill(amounts[:, :, begin:], found, regions, trees)
        except (KeyError, IndexError, ValueError):
            raise Fault(ErrorReason.INTERNAL) from None
    return CountedFigures._count(admitted, list(amounts), _FILTERED)


def _fill(
    amounts: Integers, found: pa.RecordBatch, regions: dict[str, int], trees: Mapping[tuple[Scalar, ...], int]
) -> None:
    keys = sum(name.startswith("g") for name in found.schema.names)
    columns = [column.to_pylist() for column in found.columns[:keys]]
    leaf = np.array([regions[str(path)] for path in columns[0]])
    tree = np.array([trees[key] for key in zip(*columns[1:-1], strict=True)]) if keys > 2 else np.zeros(len(leaf), int)
    for measure, column in enumerate(found.columns[keys:]):
        amounts[tree, leaf, measure, np.array(columns[-1])] = column.to_numpy()


def suppress(
    counted: CountedFigures,
    indicator: Indicator,
    before: Sequence[Published],
    kept: KeptIndicator,
    keys: KeyRing,
) -> SuppressedFigures:
    """Withhold small cells, with all that was shown `before` in mind (nothing of a first version); `kept` tells the
    version, and has no state yet.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    published = [
        refreshed(indicator.tree, before[number], now, indicator.rule, indicator.rank(number), kept.version)
        if before
        else first(indicator.tree, now, indicator.rule, indicator.rank(number))
        for number, now in enumerate(counted.amounts)
    ]
    state = seal(keys.suite, _key(indicator, keys), _place(kept), _written(published))
    return SuppressedFigures._suppress(counted, published, replace(kept, state=state), _GUARDED)


def keep_figures(figures: SuppressedFigures, register: IndicatorRegister) -> bool:
    """Keep a version, unless another was kept meanwhile: what is kept first stands.

    Raises:
        Fault: INTERNAL for anything but suppressed figures; REGISTER_UNAVAILABLE.
    """
    if type(figures) is not SuppressedFigures:
        raise Fault(ErrorReason.INTERNAL)
    return register.keep(figures.kept)


def reopen(
    admitted: AdmittedPermit, indicator: Indicator, published: Sequence[Published], kept: KeptIndicator
) -> SuppressedFigures:
    """Return what was published of an indicator, for another permit of the same disclosure.

    Raises:
        Fault: INTERNAL where it was kept of another one, or by another definition.
    """
    if kept.indicator_id != indicator.id or not is_defined_alike(kept, indicator):
        raise Fault(ErrorReason.INTERNAL)
    return SuppressedFigures._reopen(admitted, published, kept, _FILTERED | _GUARDED)


def read_back(indicator: Indicator, kept: KeptIndicator, keys: KeyRing) -> tuple[Published, ...]:
    """Return what was kept of an indicator.

    Raises:
        Fault: KEYS_UNAVAILABLE; REGISTER_UNAVAILABLE if it cannot be read back exactly.
    """
    key, cells = _key(indicator, keys), len(indicator.tree)
    try:
        with np.load(io.BytesIO(zlib.decompress(unseal(keys.suite, key, _place(kept), kept.state)))) as arrays:
            shown, amounts, told = arrays["shown"], arrays["amounts"], arrays["told"]
    except (ValueError, KeyError, zlib.error, OSError):
        raise Fault(ErrorReason.REGISTER_UNAVAILABLE) from None
    fits = shown.shape == (len(indicator.keys), cells) and amounts.shape[:2] == told.shape == (
        len(indicator.keys),
        len(indicator.tree.leaves),
    )
    if not fits:
        raise Fault(ErrorReason.REGISTER_UNAVAILABLE)
    return tuple(Published(*one) for one in zip(shown, amounts, told, strict=True))


def figures_within(figures: SuppressedFigures, indicator: Indicator) -> tuple[Figure, ...]:
    """Return the figures of the permit's own region and those below it."""
    region = figures.permit.scope.region
    own = [place for place, path in enumerate(indicator.places) if is_within(path, region)]
    found: list[Figure] = []
    for keys, one in zip(indicator.keys, figures.published, strict=True):
        totals = indicator.tree.totals(one.amounts.sum(axis=2))[:, list(indicator.columns)]
        newest = _newest(indicator, one)
        for place in own:
            values = _values(totals[place].tolist(), indicator) if one.shown[place] else None
            found.append(Figure(indicator.places[place], keys, values, newest[place]))
    return tuple(found)


def _newest(indicator: Indicator, one: Published) -> list[int]:
    newest = np.full(len(indicator.tree), -1, np.int64)
    newest[indicator.tree.leaves] = one.versions
    for layer in indicator.tree.layers[:0:-1]:
        np.maximum.at(newest, indicator.tree.parents[layer], newest[layer])
    return [int(version) for version in newest]


def _values(totals: Iterable[int], indicator: Indicator) -> tuple[int | float, ...]:
    return tuple(
        total / 10**decimals if decimals else total for total, decimals in zip(totals, indicator.decimals, strict=True)
    )


def next_version(indicator: Indicator, before: KeptIndicator | None, now: datetime, data: DataNow) -> KeptIndicator:
    """Return the version that follows what is kept, of the data as it stands; it has no state yet."""
    number = 0 if before is None else before.version + 1
    since = now if before is None or not is_defined_alike(before, indicator) else defined_since(before)
    read = f"{_read_of(indicator, data)}/{(since - _EPOCH) // _MICROSECOND}"
    return KeptIndicator(indicator.id, number, now, read, data.name, b"")


def has_read(kept: KeptIndicator, indicator: Indicator, data: DataNow) -> bool:
    """Whether what is kept was read of the data as it stands, by the definition in force."""
    return kept.read.rpartition("/")[0] == _read_of(indicator, data)


def defined_since(kept: KeptIndicator) -> datetime:
    """When the first version by the definition of what is kept was published.

    Raises:
        Fault: REGISTER_UNAVAILABLE if it cannot be told.
    """
    try:
        return _EPOCH + int(kept.read.rpartition("/")[2]) * _MICROSECOND
    except (ValueError, OverflowError):
        raise Fault(ErrorReason.REGISTER_UNAVAILABLE) from None


def _read_of(indicator: Indicator, data: DataNow) -> str:
    return f"{indicator.definition}/{data.name}"


def is_defined_alike(kept: KeptIndicator, indicator: Indicator) -> bool:
    """Whether what is kept was published by the definition in force."""
    return kept.read.startswith(f"{indicator.definition}/")


def _written(published: Sequence[Published]) -> bytes:
    text = io.BytesIO()
    np.savez(
        text,
        shown=np.stack([one.shown for one in published]),
        amounts=np.stack([one.amounts for one in published]),
        told=np.stack([one.told for one in published]),
    )
    return zlib.compress(text.getvalue(), 1)


def _key(indicator: Indicator, keys: KeyRing) -> bytes:
    return keys.working_key(AUDIT_DOMAIN, KeyUse.INDICATOR, indicator.id)


def _place(kept: KeptIndicator) -> bytes:
    return f"version/{kept.version}".encode()
