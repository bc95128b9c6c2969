"""Releases as canonical JSON, and back: the same release to the last bit, or an error."""

from __future__ import annotations

from collections.abc import Mapping

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
from gateway.model.filter import Condition, Operator
from gateway.model.loss import PrivacyLoss
from gateway.model.statistics import Cell, NoisePlan, Release, Statistic, StatisticKind, StatisticsQuery

FORMAT = 1
"""The number of the format written here. What was paid for must stay readable: formats are added, never
changed."""

_TEXTS = ("id", "dataset", "disclosure", "region", "unit_kind", "data_version")


def encode(release: Release) -> bytes:
    """Return the canonical bytes of a release; ValueError if it holds what cannot be written exactly."""
    return jcs.encode(
        {name: getattr(release, name) for name in _TEXTS}
        | {
            "format": FORMAT,
            "created_at": write_instant(release.created_at),
            "query": {
                "filters": [
                    {
                        "field": item.field,
                        "operator": item.operator.value,
                        "values": [write_scalar(value) for value in item.values],
                    }
                    for item in release.query.filters
                ],
                "group_by": list(release.query.group_by),
                "statistics": [_write_statistic(item) for item in release.query.statistics],
            },
            "cells": [
                {
                    "keys": [write_scalar(key) for key in cell.keys],
                    "values": [write_integer(value) for value in cell.values],
                }
                for cell in release.cells
            ],
            "noise": [
                {
                    "statistic": _write_statistic(plan.statistic),
                    "sensitivity": write_integer(plan.sensitivity),
                    "derivation": plan.derivation,
                    "scale": write_double(plan.scale),
                    "epsilon": write_fraction(plan.epsilon),
                    "margin_95": write_double(plan.margin_95),
                    "bias_note": plan.bias_note,
                }
                for plan in release.noise
            ],
            "loss": {"rho": write_fraction(release.loss.rho)}
            | ({} if release.loss.epsilon is None else {"epsilon": write_fraction(release.loss.epsilon)}),
        }
    )


def decode(data: bytes) -> Release:
    """Return the release whose canonical bytes these are; ValueError for any other bytes."""
    body = jcs.mapping(jcs.decode(data))
    if body.get("format") != FORMAT:
        raise ValueError("a release of another format")
    try:
        query, loss = jcs.mapping(body["query"]), jcs.mapping(body["loss"])
        release = Release(
            **{name: jcs.typed(body[name], str) for name in _TEXTS},
            created_at=read_instant(jcs.typed(body["created_at"], str)),
            query=StatisticsQuery(
                filters=tuple(_read_condition(jcs.mapping(item)) for item in jcs.typed(query["filters"], list)),
                group_by=tuple(jcs.typed(item, str) for item in jcs.typed(query["group_by"], list)),
                statistics=tuple(_read_statistic(jcs.mapping(item)) for item in jcs.typed(query["statistics"], list)),
            ),
            cells=tuple(_read_cell(jcs.mapping(item)) for item in jcs.typed(body["cells"], list)),
            noise=tuple(_read_noise(jcs.mapping(item)) for item in jcs.typed(body["noise"], list)),
            loss=PrivacyLoss(
                read_fraction(jcs.typed(loss["rho"], str)),
                read_fraction(jcs.typed(loss["epsilon"], str)) if "epsilon" in loss else None,
            ),
        )
    except KeyError:
        raise ValueError("a release lacks a key of its format") from None
    # Also refuses keys too many, at any depth.
    if encode(release) != data:
        raise ValueError("a release is not in its canonical form")
    return release


def _write_statistic(statistic: Statistic) -> Json:
    body = {"kind": statistic.kind.value}
    return body if statistic.field is None else body | {"field": statistic.field}


def _read_statistic(body: Mapping[str, Json]) -> Statistic:
    return Statistic(
        StatisticKind(jcs.typed(body["kind"], str)), jcs.typed(body["field"], str) if "field" in body else None
    )


def _read_condition(body: Mapping[str, Json]) -> Condition:
    return Condition(
        jcs.typed(body["field"], str),
        Operator(jcs.typed(body["operator"], str)),
        tuple(read_scalar(value) for value in jcs.typed(body["values"], list)),
    )


def _read_cell(body: Mapping[str, Json]) -> Cell:
    return Cell(
        tuple(read_scalar(key) for key in jcs.typed(body["keys"], list)),
        tuple(read_integer(jcs.typed(value, str)) for value in jcs.typed(body["values"], list)),
    )


def _read_noise(body: Mapping[str, Json]) -> NoisePlan:
    return NoisePlan(
        statistic=_read_statistic(jcs.mapping(body["statistic"])),
        sensitivity=read_integer(jcs.typed(body["sensitivity"], str)),
        derivation=jcs.typed(body["derivation"], str),
        scale=read_double(jcs.typed(body["scale"], str)),
        epsilon=read_fraction(jcs.typed(body["epsilon"], str)),
        margin_95=read_double(jcs.typed(body["margin_95"], str)),
        bias_note=jcs.typed(body["bias_note"], str),
    )
