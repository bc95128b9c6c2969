"""The answers of a release, made once more from its certified values: columns, cells, values, margins and labels.

Values and intervals of means, variances, quantiles and consistent totals are not made again. Of those the names, the
places, what was done to them, and that a margin is the larger distance to the ends of its interval, are held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.api.v1 import release_pb2
from gateway.client.certificates import ReleaseCertificate
from gateway.client.errors import CertificateMismatch
from gateway.client.leading import Leading, leading
from gateway.client.values import written

_COUNTED = ("count", "count_units", "sum")

_TOP = "largest noised counts of the declared keys (the values shown are biased upwards by the selection)"
_FOUND = "only cells that reached a threshold are shown (those near it are biased upwards by the selection)"
_ROUNDED = "rounded to multiples of a step"
_NON_NEGATIVE = "negative values set to zero (biased upwards where counts are small)"
_CONSISTENT = "totals made consistent by generalised least squares (unbiased)"
_WHOLE = "totals made consistent, whole and non-negative (biased upwards where counts are small)"
_DERIVED = {
    "mean": ("quotient of a noised sum and a noised count, held to the declared bounds",),
    "variance": ("population variance from a noised count, sum and sum of squares, held to what the bounds allow",),
    "quantiles": (
        "noised cumulative counts made non-decreasing",
        "interpolated inside the declared bin where the noised cumulative count passes the rank",
        "the middle of the declared bounds where the noised number of values is not above zero",
    ),
}


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: str
    statistic: int
    decimals: int
    steps: tuple[str, ...]

    @property
    def recomputed(self) -> bool:
        return self.kind in _COUNTED and not self.consistent

    @property
    def consistent(self) -> bool:
        return _CONSISTENT in self.steps or _WHOLE in self.steps

    @property
    def whole(self) -> bool:
        """Whether its values are integers."""
        return self.kind in _COUNTED and not self.decimals and _CONSISTENT not in self.steps


def recomputed(message: release_pb2.Release, certificate: ReleaseCertificate) -> tuple[str, ...]:
    """Hold the answers of a release whose plan was held; return the names of those whose values were recomputed.

    Raises:
        CertificateMismatch: naming the first part that differs.
    """
    presentation, says, measured = message.presentation, certificate.says, certificate.measured
    same("presentation", _fits(presentation, says["query"]))
    columns = [*_columns(message, says)]
    shown = [(one.name, one.statistic, tuple(one.post_processing)) for one in message.columns]
    same("columns", shown == [(one.name, one.statistic, one.steps) for one in columns])
    values = [
        [int(value) for value in measured["values"][_first(says, position)]]
        for position in range(len(says["query"]["statistics"]))
    ]
    order = _order(presentation, values[0], says["measures"][0], len(measured["cells"]))
    keys = [[written(key) for key in cell.keys] for cell in message.cells]
    same("cells", keys == [measured["cells"][place] for place in order.places])
    same("cells", all(len(cell.estimates) == len(columns) for cell in message.cells))
    same("surely_top", tuple(cell.surely_top for cell in message.cells) == order.certain)
    for at, column in enumerate(columns):
        found = [_numbers(cell.estimates[at]) for cell in message.cells]
        if not column.recomputed:
            same(column.name, all(map(_sound, found)) and _kinds(found) <= {_kind(column)})
            continue
        leads = presentation.top and column.statistic == 0
        certified = float.fromhex(says["measures"][_first(says, column.statistic)]["margin_95"])
        margin = order.margin if leads else certified
        of = values[column.statistic]
        same(column.name, found == [_expected(of[place], margin, column, presentation) for place in order.places])
    return tuple(column.name for column in columns if column.recomputed)


def same(part: str, holds: bool) -> None:
    """Raise CertificateMismatch, naming a part, unless it holds."""
    if not holds:
        raise CertificateMismatch(part)


def _fits(presentation: release_pb2.Presentation, query: Mapping[str, Any]) -> bool:
    """Whether the gateway shows such a plan so: totals add up in a tree alone, and a top is of cells known before."""
    by = {one["by"] for one in query["group_by"]}
    if presentation.consistent and "region-tree" not in by:
        return False
    return not presentation.top or (
        query["statistics"][0]["kind"] in _COUNTED and not by & {"region-tree", "found-keys"}
    )


def _columns(message: release_pb2.Release, says: Mapping[str, Any]) -> Iterator[_Column]:
    """The columns of a plan. Ranks of quantiles are those of the plan as it is shown."""
    presentation, threshold = message.presentation, says.get("threshold")
    for position, statistic in enumerate(says["query"]["statistics"]):
        kind, field = statistic["kind"], statistic.get("field", "")
        found = (_FOUND,) if threshold and threshold["measure"] == _first(says, position) else ()
        names = [f"{kind}({field})" if field else kind]
        if kind == "quantiles":
            names = [f"quantile({field}; {rank:g})" for rank in message.plan.statistics[position].quantiles.ranks]
        steps = _DERIVED.get(kind, ())
        if kind in _COUNTED:
            steps = (_TOP,) if presentation.top and position == 0 else ()
            if presentation.consistent:
                steps = (_WHOLE if presentation.non_negative else _CONSISTENT,)
            steps += (_ROUNDED,) if presentation.round_to > 1 else ()
            steps += (_NON_NEGATIVE,) if presentation.non_negative and not presentation.consistent else ()
        for name in names:
            yield _Column(name, kind, position, says["decimals"].get(field, 0), (*found, *steps))


def _first(says: Mapping[str, Any], position: int) -> int:
    """The place of the first measure of a statistic."""
    return next(place for place, one in enumerate(says["measures"]) if one["statistic"] == position)


def _order(
    presentation: release_pb2.Presentation, first: Sequence[int], measure: Mapping[str, Any], cells: int
) -> Leading:
    """Which cells are shown, in their order."""
    if not presentation.top:
        return Leading(tuple(range(cells)), (False,) * cells, 0.0)
    return leading(first, presentation.top, measure["mechanism"], float.fromhex(measure["scale"]))


_Numbers = tuple[str | None, float, float, float, float]
"""Of what kind a value is, the value, its margin, and the ends of its interval."""


def _numbers(estimate: release_pb2.Estimate) -> _Numbers:
    kind = estimate.WhichOneof("answer")
    value = estimate.value if kind == "value" else estimate.number
    return kind, value, estimate.margin_95, estimate.lower_95, estimate.upper_95


def _expected(value: int, margin: float, column: _Column, presentation: release_pb2.Presentation) -> _Numbers:
    """One count or sum as it is shown: in steps of its field first, in its own unit last."""
    parts, unit = [float(value), value - margin, value + margin], 10.0**column.decimals
    if presentation.round_to > 1:
        step = float(presentation.round_to * 10**column.decimals)
        parts = [float(round(parts[0] / step)) * step, parts[1] - step / 2, parts[2] + step / 2]
    if presentation.non_negative:
        parts = [max(part, 0.0) for part in parts]
    figure, lower, upper = (part / unit for part in parts)
    return _kind(column), int(figure) if column.whole else figure, max(upper - figure, figure - lower), lower, upper


def _kind(column: _Column) -> str:
    return "value" if column.whole else "number"


def _kinds(found: Sequence[_Numbers]) -> set[str | None]:
    return {one[0] for one in found}


def _sound(one: _Numbers) -> bool:
    _, value, margin, lower, upper = one
    return margin == max(upper - value, value - lower)
