"""The two files by which the process of a job is told what to make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gateway.model.loss import PrivacyLoss
from gateway.model.synthesis import FileFormat
from gateway.model.values import FieldType, Scalar
from gateway.synthesis.columns import BinColumn, Column, KeyColumn
from gateway.synthesis.marginals import NoisedMarginal
from gateway.synthesis.order import Order

_WORDS = "order.json"
_COUNTS = "counts.npz"


def write_order(order: Order, folder: Path) -> None:
    """Write an order into a folder that no other order is in."""
    words = {
        "columns": [_column_words(column) for column in order.columns],
        "marginals": [{"fields": one.fields, "variance": one.variance} for one in order.marginals],
        "loss": [str(order.loss.rho), _text(order.loss.epsilon), str(order.loss.delta)],
        "seed": order.seed,
        "rows": order.rows,
        "total": order.total,
        "format": order.format,
        "about": dict(order.about),
    }
    (folder / _WORDS).write_text(json.dumps(words), encoding="utf-8")
    np.savez(folder / _COUNTS, allow_pickle=False, **_arrays(order))


def read_order(folder: Path) -> Order:
    """Read the order that was written into the folder.

    Raises:
        ValueError, KeyError, OSError: it is not there as it was written.
    """
    words: dict[str, Any] = json.loads((folder / _WORDS).read_text(encoding="utf-8"))
    with np.load(folder / _COUNTS, allow_pickle=False) as counts:
        marginals = tuple(
            NoisedMarginal(tuple(one["fields"]), counts[str(place)], one["variance"])
            for place, one in enumerate(words["marginals"])
        )
    rho, epsilon, delta = words["loss"]
    return Order(
        columns=tuple(_column(one) for one in words["columns"]),
        marginals=marginals,
        loss=PrivacyLoss(Fraction(rho), None if epsilon is None else Fraction(epsilon), Fraction(delta)),
        seed=words["seed"],
        rows=words["rows"],
        total=words["total"],
        format=FileFormat(words["format"]),
        about=words["about"],
    )


def _arrays(order: Order) -> dict[str, Any]:
    return {str(place): marginal.counts for place, marginal in enumerate(order.marginals)}


def _column_words(column: Column) -> dict[str, Any]:
    kind, values = ("keys", column.keys) if isinstance(column, KeyColumn) else ("edges", column.edges)
    words: dict[str, Any] = {"name": column.name, "type": column.type, kind: [_written(value) for value in values]}
    if isinstance(column, BinColumn) and column.decimals is not None:
        words["decimals"] = column.decimals
    return words


def _column(words: Mapping[str, Any]) -> Column:
    kind = FieldType(words["type"])
    if "keys" in words:
        return KeyColumn(words["name"], kind, tuple(_read(kind, value) for value in words["keys"]))
    edges = tuple(_read(kind, value) for value in words["edges"])
    return BinColumn(words["name"], kind, edges, words.get("decimals"))


def _written(value: Scalar) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _read(kind: FieldType, value: Any) -> Any:
    match kind:
        case FieldType.DATE if value is not None:
            return date.fromisoformat(value)
        case FieldType.TIMESTAMP if value is not None:
            return datetime.fromisoformat(value)
        case _:
            return value


def _text(fraction: Fraction | None) -> str | None:
    return None if fraction is None else str(fraction)
