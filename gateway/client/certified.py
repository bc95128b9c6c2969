"""Holding a release as it is shown against its certificate, part by part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal

from google.protobuf import timestamp_pb2

from gateway.api.v1 import receipt_pb2, release_pb2, value_pb2
from gateway.client.certificates import ReleaseCertificate
from gateway.client.recomputed import recomputed, same
from gateway.client.values import written
from gateway.client.words import word

_PUBLISHED = ("title", "publisher", "licence", "citation", "identifier")
_OPERATORS = {"equal": "eq", "less": "lt", "less_or_equal": "le", "greater": "gt", "greater_or_equal": "ge"}


def held(message: release_pb2.Release, certificate: ReleaseCertificate) -> tuple[str, ...]:
    """Hold a release against a certificate that was verified; return the names of the answers that were recomputed.

    Raises:
        CertificateMismatch: naming the first part that differs.
    """
    says, plan = certificate.says, message.plan
    shown: Mapping[str, Any] = {
        "id": message.release_id,
        "dataset": plan.dataset,
        "disclosure": plan.disclosure,
        "region": message.region,
        "unit_kind": message.privacy_unit,
        "data_version": message.data_version,
        "loss": written_loss(message.privacy_loss.rho, message.privacy_loss.epsilon, message.privacy_loss.spent_delta),
    }
    same("rehearsal", not message.rehearsal)
    for name, value in shown.items():
        same(name, says.get(name) == value)
    same("loss", tells(message.privacy_loss))
    made = timestamp_pb2.Timestamp()
    made.FromDatetime(datetime.fromisoformat(says["created_at"]))
    same("created_at", message.created_at == made)
    same("attribution", attribution_of(message) == of_attribution(says.get("attribution")))
    joined = attribution_of(message, "joined_attribution")
    same("joined_attribution", joined == of_attribution(says.get("joined_attribution")))
    query = says["query"]
    same("query.filters", same_conditions(plan.filters, query["filters"]))
    same("query.group_by", [*map(_grouping, plan.group_by)] == [*map(_of_grouping, query["group_by"])])
    other = {"dataset": plan.join.dataset, "disclosure": plan.join.disclosure} if plan.HasField("join") else None
    same("query.join", other == query.get("join"))
    stated = [(one["kind"], one.get("field", ""), one["weight"]) for one in query["statistics"]]
    same("query.statistics", _relative([*map(_statistic, plan.statistics)]) == _relative(stated))
    same("coverage", [*map(_coverage, message.coverage)] == _of_coverage(message.presentation.top, says))
    same("threshold", _threshold(message) == _of_threshold(says.get("threshold")))
    same("measures", [*map(shown_measure, message.measures)] == [*map(stated_measure, says["measures"])])
    return recomputed(message, certificate)


def written_loss(rho: str, epsilon: str, delta: str) -> dict[str, str]:
    """Return a loss as statements have it."""
    loss = {"rho": rho}
    if epsilon:
        loss["epsilon"] = epsilon
    if delta:
        loss["delta"] = delta
    return loss


def tells(loss: receipt_pb2.PrivacyLoss) -> bool:
    """Whether its epsilon at a delta is what rho, epsilon and delta come to (Bun and Steinke 2016, prop. 1.3)."""
    if not 0 <= loss.delta < 1:
        return False
    own = float(Fraction(loss.epsilon)) if loss.epsilon else math.inf
    rho, left = float(Fraction(loss.rho)), loss.delta - float(Fraction(loss.spent_delta or 0))
    if left < 0:
        own = math.inf
    elif left > 0:
        own = min(own, rho + 2 * math.sqrt(rho * math.log(1 / left)))
    return math.isclose(loss.epsilon_at_delta, own, rel_tol=1e-9)


def attribution_of(
    message: release_pb2.Release, part: Literal["attribution", "joined_attribution"] = "attribution"
) -> dict[str, str]:
    """Return what a release shows of licence and citation, with the addresses of licence and identifier."""
    names = (*_PUBLISHED, "licence_url", "identifier_url")
    return {name: getattr(getattr(message, part), name) for name in names} if message.HasField(part) else {}


def of_attribution(body: Mapping[str, str] | None) -> dict[str, str]:
    """What was certified, and the addresses at which licence and identifier are found."""
    if body is None:
        return {}
    licence, identifier = body["licence"], body["identifier"]
    known = licence if licence.startswith("https://") else f"https://spdx.org/licenses/{licence}.html"
    resolves = f"https://doi.org/{identifier}" if identifier.startswith("10.") else identifier
    return {**body, "licence_url": known, "identifier_url": resolves}


def shown_measure(detail: release_pb2.MeasureDetail) -> tuple[Any, ...]:
    """Return a measure as it is shown, to compare with `stated_measure`."""
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
        written_loss(detail.rho, detail.epsilon, ""),
    )


def stated_measure(body: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a measure as a statement has it, to compare with `shown_measure`."""
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


def _of_coverage(top: int, says: Mapping[str, Any]) -> list[dict[str, str]]:
    """What was certified; of the largest cells alone, also that the others are not shown."""
    text = (
        f"Only the {top} cells whose noised first answer is largest are shown, chosen by noised numbers alone; the "
        "others are in the same release."
    )
    beyond = [{"kind": "beyond_top", "field": "", "text": text}] if top else []
    return [*beyond, *says.get("coverage", [])]


def _threshold(message: release_pb2.Release) -> tuple[str, ...]:
    threshold = message.threshold
    stated = (threshold.least_units, threshold.delta, threshold.derivation)
    return stated if message.HasField("threshold") else ()


def _of_threshold(body: Mapping[str, str] | None) -> tuple[str, ...]:
    return () if body is None else (body["least"], body["delta"], body["derivation"])


def same_conditions(shown: Iterable[value_pb2.Condition], stated: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether conditions are those of a statement, in whatever order they or their values stand."""
    return sorted(map(_condition, shown)) == sorted(map(_ordered, stated))


def _condition(condition: value_pb2.Condition) -> list[Any]:
    operator = word(value_pb2.Operator.DESCRIPTOR, condition.operator)
    values = [written(value) for value in condition.values]
    return _ordered({"field": condition.field, "operator": _OPERATORS.get(operator, operator), "values": values})


def _ordered(body: Mapping[str, Any]) -> list[Any]:
    return [body["field"], body["operator"], sorted({str(value) for value in body["values"]})]


def _grouping(grouping: release_pb2.Grouping) -> list[Any]:
    """The field, how it is grouped, and how finely. Days stand for the periods that hold them."""
    level = release_pb2.RegionLevel.DESCRIPTOR
    match grouping.WhichOneof("by"):
        case "level":
            return [grouping.field, "region", word(level, grouping.level)]
        case "down_to":
            return [grouping.field, "region-tree", word(level, grouping.down_to)]
        case "periods":
            periods = grouping.periods
            period = word(release_pb2.Period.DESCRIPTOR, periods.period)
            days = (_start(period, day) for day in (periods.first_day, periods.last_day))
            return [grouping.field, "period", period, *days]
        case "bins":
            return [grouping.field, "bins", grouping.bins.width]
        case by:
            return [grouping.field, str(by).replace("_", "-")]


def _of_grouping(body: Mapping[str, str]) -> list[Any]:
    match body["by"]:
        case "region" | "region-tree" as by:
            return [body["field"], by, body["level"]]
        case "period" as by:
            days = (_start(body["period"], body[end]) for end in ("first", "last"))
            return [body["field"], by, body["period"], *days]
        case "bins" as by:
            return [body["field"], by, float(Fraction(body["width"]))]
        case by:
            return [body["field"], by]


def _start(period: str, written_day: str) -> str:
    """The first day of the period that holds a day; what is no day of the calendar, as it is."""
    try:
        day = date.fromisoformat(written_day)
    except ValueError:
        return written_day
    match period:
        case "week" if day.toordinal() > day.weekday():
            day -= timedelta(days=day.weekday())
        case "month":
            day = day.replace(day=1)
        case "year":
            day = day.replace(month=1, day=1)
    return day.isoformat()


def _statistic(statistic: release_pb2.Statistic) -> tuple[str, str, int]:
    kind = statistic.WhichOneof("kind") or ""
    field = getattr(getattr(statistic, kind), "field", "") if kind else ""
    return kind, field, statistic.weight or 1


def _relative(statistics: Sequence[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Statistics with their weights in lowest terms: 2 to 4 is 1 to 2."""
    common = math.gcd(*(weight for _, _, weight in statistics)) or 1
    return [(kind, field, weight // common) for kind, field, weight in statistics]
