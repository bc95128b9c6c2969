"""The report that lies beside an extract: what was counted, what it cost, how near the rows are to it.

It is made of released counts and of rows that were made of them, and so costs nothing more.
"""

from __future__ import annotations

from typing import Any

from gateway.model.loss import exact
from gateway.synthesis.columns import KeyColumn
from gateway.synthesis.order import Order
from gateway.synthesis.quality import Quality

FORMAT = "purpose-gateway.synthetic-extract.v1"
_NOTES = (
    "Rows are made up from noised counts and are nobody's. Counts by the listed fields and pairs are near the noised "
    "counts; what three or more fields have in common is not promised.",
    "Rows of the data without a declared key or bin in a field are in no count by that field.",
    "Within a bin values are uniform.",
)


def report(order: Order, quality: Quality, rows: int, digest: str) -> dict[str, Any]:
    """Return the report as JSON has it. `digest` is the SHA-256 (hex) of the file of rows.

    Numbers of rows are those drawn, not those of the data. The seed is not in it.
    """
    return {
        "format": FORMAT,
        "about": dict(order.about),
        "file": {"format": order.format.value, "rows": rows, "sha256": digest},
        "columns": [
            {
                "name": column.name,
                "type": column.type.value,
                "by": "keys" if isinstance(column, KeyColumn) else "bins",
                "cells": column.cells,
            }
            for column in order.columns
        ],
        "loss": {
            "rho": exact(order.loss.rho),
            "epsilon": None if order.loss.epsilon is None else exact(order.loss.epsilon),
            "delta": exact(order.loss.delta),
            "of_rows_and_report": "0/1",
        },
        "quality": {
            "mean_total_variation": _short(quality.mean_total_variation),
            "mean_total_variation_of_noise": _short(quality.mean_noise),
            "marginals": [
                {
                    "fields": list(one.fields),
                    "cells": one.cells,
                    "margin_95": _short(one.margin_95),
                    "total_variation": _short(one.total_variation),
                    "total_variation_of_noise": _short(one.noise),
                }
                for one in quality.marginals
            ],
            "cramers_v": [
                {"fields": list(one.fields), "rows": _short(one.rows), "noised_counts": _short(one.counts)}
                for one in quality.associations
            ],
        },
        "notes": list(_NOTES),
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}")
