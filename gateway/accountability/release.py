"""Releases as canonical JSON, and back: the same release to the last bit, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import (
    read_double,
    read_fraction,
    read_instant,
    read_integer,
    read_scalar,
    write_double,
    write_fraction,
    write_instant,
    write_integer,
    write_scalar,
)
from gateway.accountability.particulars import (
    read_attribution,
    read_certificate,
    read_condition,
    read_loss,
    write_attribution,
    write_certificate,
    write_condition,
    write_loss,
)
from gateway.model.attribution import Attribution
from gateway.model.contract import Bounds
from gateway.model.coverage import Coverage, CoverageKind
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping, Period
from gateway.model.measure import Measure, MeasureKind, Mechanism, NoisePlan, Threshold
from gateway.model.region import RegionLevel
from gateway.model.statistics import JoinedDataset, NoisedMeasure, Release, Statistic, StatisticKind, StatisticsQuery

FORMAT = 3
"""The number of the format written here. What was paid for must stay readable: from the first version that is released
on, formats are added, never changed."""

UNCERTIFIED = 2
"""The number of the same format of what was stored before releases had certificates."""

_TEXTS = ("id", "dataset", "disclosure", "region", "unit_kind", "data_version")


def encode(release: Release) -> bytes:
    """Return the canonical bytes of a release; ValueError if it holds what cannot be written exactly."""
    certificate, noised = release.certificate, write_noised(release)
    body: dict[str, Json] = {
        **write_question(release),
        "format": UNCERTIFIED if certificate is None else FORMAT,
        "cells": noised["cells"],
        "measures": [
            {"plan": write_plan(one.plan), "values": values}
            for one, values in zip(release.measures, jcs.typed(noised["values"], list), strict=True)
        ],
    }
    if certificate is not None:
        body["certificate"] = write_certificate(certificate)
    return jcs.encode(body)


def decode(data: bytes) -> Release:
    """Return the release whose canonical bytes these are; ValueError for any other bytes."""
    body = jcs.mapping(jcs.decode(data))
    if body.get("format") not in (FORMAT, UNCERTIFIED):
        raise ValueError("a release of another format")
    try:
        query = jcs.mapping(body["query"])
        release = Release(
            **_texts(body),
            created_at=read_instant(jcs.typed(body["created_at"], str)),
            query=StatisticsQuery(
                filters=tuple(read_condition(jcs.mapping(item)) for item in jcs.typed(query["filters"], list)),
                group_by=tuple(_read_grouping(jcs.mapping(item)) for item in jcs.typed(query["group_by"], list)),
                statistics=tuple(_read_statistic(jcs.mapping(item)) for item in jcs.typed(query["statistics"], list)),
                join=_read_join(jcs.mapping(query["join"])) if "join" in query else None,
            ),
            cells=tuple(
                tuple(read_scalar(key) for key in jcs.typed(cell, list)) for cell in jcs.typed(body["cells"], list)
            ),
            measures=tuple(_read_measure(jcs.mapping(item)) for item in jcs.typed(body["measures"], list)),
            loss=read_loss(jcs.mapping(body["loss"])),
            attribution=_read_attribution(body, "attribution"),
            joined_attribution=_read_attribution(body, "joined_attribution"),
            coverage=tuple(_read_coverage(jcs.mapping(item)) for item in jcs.typed(body.get("coverage", []), list)),
            threshold=_read_threshold(jcs.mapping(body["threshold"])) if "threshold" in body else None,
            certificate=read_certificate(jcs.mapping(body["certificate"])) if "certificate" in body else None,
        )
    except KeyError:
        raise ValueError("a release lacks a key of its format") from None
    # Also refuses keys too many, at any depth.
    if encode(release) != data:
        raise ValueError("a release is not in its canonical form")
    return release


def write_question(release: Release) -> dict[str, Json]:
    """Write what was asked, of which data, and what it lost: everything about a release but what was measured."""
    body: dict[str, Json] = {name: getattr(release, name) for name in _TEXTS}
    if release.attribution is not None:
        body["attribution"] = write_attribution(release.attribution)
    if release.joined_attribution is not None:
        body["joined_attribution"] = write_attribution(release.joined_attribution)
    if release.coverage:
        body["coverage"] = [{"kind": one.kind.value, "field": one.field, "text": one.text} for one in release.coverage]
    return body | {
        "created_at": write_instant(release.created_at),
        "query": {
            "filters": [write_condition(item) for item in release.query.filters],
            "group_by": [_write_grouping(item) for item in release.query.group_by],
            "statistics": [_write_statistic(item) for item in release.query.statistics],
            **_write_join(release.query.join),
        },
        "loss": write_loss(release.loss),
        **({} if release.threshold is None else {"threshold": _write_threshold(release.threshold)}),
    }


def write_noised(release: Release) -> dict[str, Json]:
    """Write what was measured, with its noise: the keys of the cells, and the values of each measure in their order."""
    cells: list[Json] = [[write_scalar(key) for key in cell] for cell in release.cells]
    values: list[Json] = [[write_integer(value) for value in one.values] for one in release.measures]
    return {"cells": cells, "values": values}


def _texts(body: Mapping[str, Json]) -> dict[str, Any]:
    return {name: jcs.typed(body[name], str) for name in _TEXTS}


def _read_attribution(body: Mapping[str, Json], key: str) -> Attribution | None:
    return read_attribution(jcs.mapping(body[key])) if key in body else None


def _write_join(join: JoinedDataset | None) -> dict[str, Json]:
    return {} if join is None else {"join": {"dataset": join.dataset, "disclosure": join.disclosure}}


def _read_join(body: Mapping[str, Json]) -> JoinedDataset:
    return JoinedDataset(jcs.typed(body["dataset"], str), jcs.typed(body["disclosure"], str))


def _read_coverage(body: Mapping[str, Json]) -> Coverage:
    kind, field, text = (jcs.typed(body[name], str) for name in ("kind", "field", "text"))
    return Coverage(jcs.word(kind, CoverageKind), field, text)


def _write_grouping(item: Grouping) -> Json:
    match item:
        case ByKeys(field):
            return {"by": "keys", "field": field}
        case ByFoundKeys(field):
            return {"by": "found-keys", "field": field}
        case ByRegion(field, level):
            return {"by": "region", "field": field, "level": level.value}
        case ByRegionTree(field, level):
            return {"by": "region-tree", "field": field, "level": level.value}
        case ByPeriod(field, period, first, last):
            return {
                "by": "period",
                "field": field,
                "period": period.value,
                "first": first.isoformat(),
                "last": last.isoformat(),
            }
        case ByBins(field, width):
            return {"by": "bins", "field": field, "width": write_fraction(width)}


def _read_grouping(body: Mapping[str, Json]) -> Grouping:
    field, by = jcs.typed(body["field"], str), body["by"]
    if by == "keys":
        return ByKeys(field)
    if by == "found-keys":
        return ByFoundKeys(field)
    if by == "region":
        return ByRegion(field, RegionLevel(jcs.typed(body["level"], str)))
    if by == "region-tree":
        return ByRegionTree(field, RegionLevel(jcs.typed(body["level"], str)))
    if by == "bins":
        return ByBins(field, read_fraction(jcs.typed(body["width"], str)))
    days = [date.fromisoformat(jcs.typed(body[name], str)) for name in ("first", "last")]
    return ByPeriod(field, Period(jcs.typed(body["period"], str)), *days)


def _write_statistic(item: Statistic) -> Json:
    body: dict[str, Json] = {"kind": item.kind.value, "weight": item.weight}
    if item.field is not None:
        body["field"] = item.field
    if item.ranks:
        ranks: list[Json] = [write_fraction(rank) for rank in item.ranks]
        body["ranks"] = ranks
    return body


def _read_statistic(body: Mapping[str, Json]) -> Statistic:
    ranks: list[Fraction] = []
    if "ranks" in body:
        ranks = [read_fraction(jcs.typed(rank, str)) for rank in jcs.typed(body["ranks"], list)]
    return Statistic(
        StatisticKind(jcs.typed(body["kind"], str)),
        jcs.typed(body["field"], str) if "field" in body else None,
        tuple(ranks),
        jcs.typed(body["weight"], int),
    )


def write_plan(plan: NoisePlan) -> dict[str, Json]:
    """Write how a measure was made: what was summed within which bounds, how much one unit changes it, its noise."""
    measure = plan.measure
    body: dict[str, Json] = {
        "kind": measure.kind.value,
        "max_rows": measure.max_rows,
        "width": write_integer(measure.width),
        "branching": measure.branching,
        "statistic": plan.statistic,
        "mechanism": plan.mechanism.value,
        "scale": write_double(plan.scale),
        "l1": write_integer(plan.l1),
        "l2_squared": write_integer(plan.l2_squared),
        "derivation": plan.derivation,
        "loss": write_loss(plan.loss),
        "margin_95": write_double(plan.margin_95),
        "bias_note": plan.bias_note,
    }
    if measure.field is not None and measure.bounds is not None:
        bounds: list[Json] = [write_integer(measure.bounds.lower), write_integer(measure.bounds.upper)]
        body |= {"field": measure.field, "bounds": bounds}
    return body


def _read_measure(body: Mapping[str, Json]) -> NoisedMeasure:
    return NoisedMeasure(
        _read_plan(jcs.mapping(body["plan"])),
        tuple(read_integer(jcs.typed(value, str)) for value in jcs.typed(body["values"], list)),
    )


def _read_plan(body: Mapping[str, Json]) -> NoisePlan:
    field, bounds = None, None
    if "field" in body:
        field = jcs.typed(body["field"], str)
        bounds = Bounds(*(read_integer(jcs.typed(end, str)) for end in jcs.typed(body["bounds"], list)))
    return NoisePlan(
        measure=Measure(
            MeasureKind(jcs.typed(body["kind"], str)),
            jcs.typed(body["max_rows"], int),
            field,
            bounds,
            read_integer(jcs.typed(body["width"], str)),
            jcs.typed(body["branching"], int),
        ),
        statistic=jcs.typed(body["statistic"], int),
        mechanism=Mechanism(jcs.typed(body["mechanism"], str)),
        scale=read_double(jcs.typed(body["scale"], str)),
        l1=read_integer(jcs.typed(body["l1"], str)),
        l2_squared=read_integer(jcs.typed(body["l2_squared"], str)),
        derivation=jcs.typed(body["derivation"], str),
        loss=read_loss(jcs.mapping(body["loss"])),
        margin_95=read_double(jcs.typed(body["margin_95"], str)),
        bias_note=jcs.typed(body["bias_note"], str),
    )


def _write_threshold(threshold: Threshold) -> Json:
    return {
        "measure": threshold.measure,
        "least": write_integer(threshold.least),
        "delta": write_fraction(threshold.delta),
        "derivation": threshold.derivation,
    }


def _read_threshold(body: Mapping[str, Json]) -> Threshold:
    return Threshold(
        jcs.typed(body["measure"], int),
        read_integer(jcs.typed(body["least"], str)),
        read_fraction(jcs.typed(body["delta"], str)),
        jcs.typed(body["derivation"], str),
    )
