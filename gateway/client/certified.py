"""Holding a release as it is shown against its certificate, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from gateway.api.v1 import release_pb2, value_pb2
from gateway.client.certificates import ReleaseCertificate
from gateway.client.errors import CertificateMismatch
from gateway.client.values import from_value
from gateway.client.words import word

_PUBLISHED = ("title", "publisher", "licence", "citation", "identifier")
_COUNTED = ("count", "count_units", "sum")
_OPERATORS = {"equal": "eq", "less": "lt", "less_or_equal": "le", "greater": "gt", "greater_or_equal": "ge"}


def held(message: release_pb2.Release, certificate: ReleaseCertificate) -> tuple[str, ...]:
    """Hold a release against a certificate that was verified; return the names of the answers that were recomputed.

    Raises:
        CertificateMismatch: naming the first part that differs.
    """
    says, plan = certificate.says, message.plan
    shown: Mapping[str, Any] = {
        "id": message.release_id,
        "created_at": message.created_at.ToDatetime().isoformat(timespec="microseconds") + "Z",
        "dataset": plan.dataset,
        "disclosure": plan.disclosure,
        "region": message.region,
        "unit_kind": message.privacy_unit,
        "data_version": message.data_version,
        "loss": _loss(message.privacy_loss.rho, message.privacy_loss.epsilon, message.privacy_loss.spent_delta),
    }
    if message.HasField("attribution"):
        shown = {**shown, "attribution": {name: getattr(message.attribution, name) for name in _PUBLISHED}}
    _same("attribution", message.HasField("attribution") == ("attribution" in says))
    for name, value in shown.items():
        _same(name, says.get(name) == value)
    query = says["query"]
    _same("query.filters", sorted(map(_condition, plan.filters)) == sorted(map(_ordered, query["filters"])))
    _same("query.group_by", [*map(_grouping, plan.group_by)] == [_of_grouping(one) for one in query["group_by"]])
    stated = [(one["kind"], one.get("field", "")) for one in query["statistics"]]
    _same("query.statistics", [*map(_statistic, plan.statistics)] == stated)
    told = [_coverage(one) for one in message.coverage if one.kind != release_pb2.COVERAGE_KIND_BEYOND_TOP]
    _same("coverage", told == says.get("coverage", []))
    _same("threshold", _threshold(message) == _of_threshold(says.get("threshold")))
    _same("measures", [*map(_measure, message.measures)] == [*map(_of_measure, says["measures"])])
    return _recomputed(message, certificate)


def _recomputed(message: release_pb2.Release, certificate: ReleaseCertificate) -> tuple[str, ...]:
    measured, says = certificate.measured, certificate.says
    places = {_frozen(cell): at for at, cell in enumerate(measured["cells"])}
    at = [places.get(_frozen([_scalar(key) for key in cell.keys]), -1) for cell in message.cells]
    whole = list(range(len(places)))
    _same("cells", -1 not in at and len(set(at)) == len(at) and (bool(message.presentation.top) or at == whole))
    done = []
    for number, column in enumerate(message.columns):
        kind, field = _statistic(message.plan.statistics[column.statistic])
        if kind not in _COUNTED or message.presentation.consistent:
            continue
        (values,) = [
            given
            for given, measure in zip(measured["values"], says["measures"], strict=True)
            if measure["statistic"] == column.statistic
        ]
        unit = 10 ** says["decimals"].get(field, 0)
        answers = [cell.estimates[number] for cell in message.cells]
        show = _showing(message.presentation, unit)
        expected = [show(int(values[place])) for place in at]
        _same(column.name, [getattr(one, one.WhichOneof("answer") or "value") for one in answers] == expected)
        done.append(column.name)
    return tuple(done)


def _showing(presentation: release_pb2.Presentation, unit: int) -> Callable[[int], float]:
    step = float(max(presentation.round_to, 1) * unit)

    def show(value: int) -> float:
        shown = float(value) if presentation.round_to <= 1 else round(value / step) * step
        return (max(shown, 0.0) if presentation.non_negative else shown) / unit

    return show


def _same(part: str, holds: bool) -> None:
    if not holds:
        raise CertificateMismatch(part)


def _loss(rho: str, epsilon: str, delta: str) -> dict[str, str]:
    loss = {"rho": rho}
    if epsilon:
        loss["epsilon"] = epsilon
    if delta:
        loss["delta"] = delta
    return loss


def _measure(detail: release_pb2.MeasureDetail) -> tuple[Any, ...]:
    return (
        detail.name,
        detail.statistic,
        detail.mechanism,
        detail.scale,
        detail.sensitivity_l1,
        detail.sensitivity_l2_squared,
        detail.sensitivity_derivation,
        detail.margin_95,
        detail.bias_note,
        _loss(detail.rho, detail.epsilon, ""),
    )


def _of_measure(body: Mapping[str, Any]) -> tuple[Any, ...]:
    scale, margin = float.fromhex(body["scale"]), float.fromhex(body["margin_95"])
    sensitivity = (body["l1"], body["l2_squared"], body["derivation"])
    return (
        body["name"],
        body["statistic"],
        body["mechanism"],
        scale,
        *sensitivity,
        margin,
        body["bias_note"],
        body["loss"],
    )


def _coverage(one: release_pb2.Coverage) -> dict[str, str]:
    return {"kind": word(release_pb2.CoverageKind.DESCRIPTOR, one.kind), "field": one.field, "text": one.text}


def _threshold(message: release_pb2.Release) -> tuple[str, ...]:
    threshold = message.threshold
    stated = (threshold.least_units, threshold.delta, threshold.derivation)
    return stated if message.HasField("threshold") else ()


def _of_threshold(body: Mapping[str, str] | None) -> tuple[str, ...]:
    return () if body is None else (body["least"], body["delta"], body["derivation"])


def _condition(condition: value_pb2.Condition) -> list[Any]:
    operator = word(value_pb2.Operator.DESCRIPTOR, condition.operator)
    values = [_scalar(value) for value in condition.values]
    return _ordered({"field": condition.field, "operator": _OPERATORS.get(operator, operator), "values": values})


def _ordered(body: Mapping[str, Any]) -> list[Any]:
    return [body["field"], body["operator"], sorted({str(value) for value in body["values"]})]


def _grouping(grouping: release_pb2.Grouping) -> list[str]:
    """The field, how it is grouped, and how finely; which cells come of it, their keys say."""
    level = release_pb2.RegionLevel.DESCRIPTOR
    match grouping.WhichOneof("by"):
        case "level":
            return [grouping.field, "region", word(level, grouping.level)]
        case "down_to":
            return [grouping.field, "region-tree", word(level, grouping.down_to)]
        case "periods":
            return [grouping.field, "period", word(release_pb2.Period.DESCRIPTOR, grouping.periods.period)]
        case by:
            return [grouping.field, str(by).replace("_", "-"), ""]


def _of_grouping(body: Mapping[str, str]) -> list[str]:
    return [body["field"], body["by"], body.get("level", body.get("period", ""))]


def _statistic(statistic: release_pb2.Statistic) -> tuple[str, str]:
    kind = statistic.WhichOneof("kind") or ""
    return kind, getattr(getattr(statistic, kind), "field", "")


def _scalar(value: value_pb2.Value) -> list[Any]:
    """A value as certificates write it: its type, and its text."""
    match from_value(value):
        case None:
            return ["null"]
        case bool(flag):
            return ["bool", flag]
        case str(text):
            return ["string", text]
        case int(number):
            return ["int64", str(number)]
        case float(number):
            return ["double", number.hex()]
        case datetime() as instant:
            return ["timestamp", instant.isoformat(timespec="microseconds")]
        case date() as day:
            return ["date", day.isoformat()]


def _frozen(cell: Sequence[Sequence[Any]]) -> tuple[tuple[Any, ...], ...]:
    return tuple(map(tuple, cell))
