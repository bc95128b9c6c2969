"""Scenes about what comes in and what superiors see: a street pushes reports, a cockpit sees its firms."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pyarrow as pa
import pyarrow.parquet as pq

import gateway.client as gw
from gateway.cli.counting import counted
from gateway.cli.demo.play import Play
from gateway.cli.demo.report import Misbehaved, shown

_GRID, _COCKPIT = "community-grid", "cockpit-indicators"
_STREET = "hangzhou/xiacheng/wulin"
_BATCHES = UUID("0b1f3f0e-6d0a-5d5e-8a43-7f6f0c1d2e3f")
_CITY = timedelta(hours=8)


def push(play: Play) -> None:
    """A street pushes reports; who mends reads them, who runs the hub does not, who cleans gets them without people."""
    report = play.report
    report.scene(
        "A push: a street reports what is to be mended",
        "What nothing needs is not collected. What is kept is kept once. Who runs the hub reads none of it.",
    )
    rows = _reports(play)
    report.inside_row(rows[0])
    refused: gw.GatewayError | None = None
    try:
        _push(play, [row | {"phone": "13800000000"} for row in rows], "with telephone numbers")
    except gw.GatewayError as error:
        refused = error
    refused = play.refusal("street-wulin", refused, "FIELD_NOT_COLLECTED")
    report.prove(_kept(play) == [], "telephone numbers are needed by nobody: refused at the door, and no row is kept")

    wrong = [
        rows[0] | {"report_id": "W-98", "topic": "邻居可疑"},
        rows[0] | {"report_id": "W-99", "community": "hangzhou"},
    ]
    pushed = _push(play, [*rows, *wrong], "without them, two rows of which do not fit")
    play.answered(pushed)
    report.left_fields(
        [
            ("kept", counted(pushed.accepted, "row")),
            *((f"row {one.row}", f"{one.reason} ({one.field})") for one in pushed.rejected_rows),
        ]
    )
    reasons = {one.row: one.reason for one in pushed.rejected_rows}
    report.prove(
        reasons == {len(rows): "unknown_key", len(rows) + 1: "outside_region"},
        "a topic of no list and a place of another region are turned away, each with its reason",
    )
    again = _push(play, [*rows, *wrong], "the same batch again, as after a broken connection")
    report.prove(
        again.repeated and again.receipt == pushed.receipt and len(_kept(play)) == pushed.accepted == len(rows),
        "the same batch is answered as it was, and every row is kept once",
    )
    _read(play, rows)


def _read(play: Play, rows: list[dict[str, Any]]) -> None:
    report = play.report
    with play.asks("civil-affairs-bureau", _GRID, "extract grid_reports/to-do").extract(
        "grid_reports", "to-do", purpose=_GRID
    ) as stream:
        found = stream.read_all()
    play.answered(stream)
    report.clean(found)  # all of it: any three rows may be those that are shown
    report.left_rows(found.slice(0, 3), cut=40)
    fresh = stream.freshness
    as_of = "—" if fresh.as_of is None else f"{fresh.as_of + _CITY:%Y-%m-%d %H}h"
    report.left_fields(
        [
            ("as of", as_of),
            ("promised within", f"{fresh.promised_hours} hours"),
            ("staler than that", shown(fresh.stale)),
        ]
    )
    report.prove(
        found.num_rows == len(rows) and len(set(found["resident_id"].to_pylist())) == len(_people(rows)),
        "who mends sees every report once, and how many people reported, not who",
    )
    report.prove(fresh.stale is False, "how fresh the data are travels with the answer")

    refused: gw.GatewayError | None = None
    bureau = play.asks("data-bureau", _GRID, "extract grid_reports/to-do", "which passed through its own hub")
    try:
        bureau.extract("grid_reports", "to-do", purpose=_GRID).close()
    except gw.GatewayError as error:
        refused = error
    play.refusal("data-bureau", refused, "PURPOSE_NOT_GRANTED")
    clean = play.extract("data-bureau", "data-cleaning", "grid_reports", "report-cleaning")
    report.left_rows(clean.slice(0, 2))
    report.prove(
        clean.column_names == ["report_id", "topic", "community"],
        "cleaning is a purpose of its own, and gets topics and places without anybody who reported",
    )


def cockpit(play: Play) -> None:
    """The city's cockpit and a street's see exact figures of their own parts, and not those of few firms."""
    report = play.report
    report.scene(
        "A cockpit: exact figures of one's own regions",
        "Community, street, district, city: they add up. Where few firms are nothing is shown, nor what would tell it.",
    )
    city = _figures(play, "cockpit-hangzhou", "")
    street = _figures(play, "cockpit-wulin", _STREET)
    truth = _firms(play)
    figures = {region: _shown(city, region) for region in _regions(city)}
    told = {region: count for region, count in figures.items() if count is not None}
    report.prove(
        all(truth[region] == count >= city.about.least_units for region, count in told.items()),
        f"{len(told)} of {len(figures)} figures are shown, each exactly what the register says, and of "
        f"{city.about.least_units} firms or more",
    )
    alone = [
        region
        for region in told
        if (parts := [one for one in figures if one.rpartition("/")[0] == region])
        and [figures[one] for one in parts].count(None) == 1
    ]
    report.prove(not alone, "nowhere is just one part of a shown figure withheld: it would follow by subtraction")
    report.prove(
        all(region.startswith(_STREET) and _shown(street, region) == figures[region] for region in _regions(street)),
        "the street's cockpit sees its own part of the same, figure for figure",
    )
    refused: gw.GatewayError | None = None
    try:
        _figures(play, "cockpit-wulin", "hangzhou/xiacheng/tianshui", "the street beside it")
    except gw.GatewayError as error:
        refused = error
    play.refusal("cockpit-wulin", refused, "REGION_NOT_GRANTED")
    refused = None
    more = "the firms behind the figures"
    wulin = play.asks("cockpit-wulin", _COCKPIT, "extract enterprises/resumption", more)
    try:
        wulin.extract("enterprises", "resumption", purpose=_COCKPIT, region=_STREET).close()
    except gw.GatewayError as error:
        refused = error
    play.refusal("cockpit-wulin", refused, "DISCLOSURE_NOT_GRANTED")
    report.prove(True, "to drill down to rows takes a purpose of its own")


def _reports(play: Play) -> list[dict[str, Any]]:
    """Six reports of three people of the city, one of them planted."""
    people = [play.subject, *[str(row["resident_id"]) for row in play.raw("residents")[:2]]]
    seen = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + _CITY - timedelta(hours=3)
    topics = ("路灯损坏", "楼道堆物", "独居老人")
    return [
        {
            "report_id": f"W-{number}",
            "resident_id": people[number % 3],
            "topic": topics[number % 2],
            "seen_at": seen + timedelta(minutes=number),
            "community": f"{_STREET}/c0{1 + number % 3}",
        }
        for number in range(6)
    ]


def _people(rows: list[dict[str, Any]]) -> set[str]:
    return {row["resident_id"] for row in rows}


def _push(play: Play, rows: list[dict[str, Any]], more: str) -> gw.Pushed:
    street = play.asks("street-wulin", _GRID, f"push {len(rows)} rows into grid_reports/reports-in", more)
    return street.push(
        "grid_reports", "reports-in", rows, purpose=_GRID, region=_STREET, batch_id=str(uuid5(_BATCHES, repr(rows)))
    )


def _kept(play: Play) -> list[dict[str, Any]]:
    """What lies in the dataset's folder, read past the gateway."""
    files = sorted((play.city.folder / "city" / "pushed" / "grid_reports").glob("[!.]*.parquet"))
    tables: list[pa.Table] = [pq.read_table(file) for file in files]
    return [row for table in tables for row in table.to_pylist()]


def _figures(play: Play, cockpit: str, region: str, more: str = "") -> gw.Indicator:
    where = region or "the whole city"
    asked = play.asks(cockpit, _COCKPIT, "indicator enterprises/firms-here", more or where)
    found = asked.read_indicator("enterprises", "firms-here", purpose=_COCKPIT, region=region)
    play.answered(found)
    lines = sorted(_regions(found), key=lambda one: (one.count("/"), one))[:4]
    play.report.left_rows(
        pa.table({"region": lines, "firms": [_words(_shown(found, one)) for one in lines]}), whose="the first of them"
    )
    return found


def _regions(found: gw.Indicator) -> list[str]:
    return [one.region for one in found.figures.values()]


def _shown(found: gw.Indicator, region: str) -> int | None:
    value = found.value(region, statistic="count_units")
    if value is not None and not isinstance(value, int):
        raise Misbehaved("a number of firms is a whole number")
    return value


def _words(count: int | None) -> str:
    return "withheld" if count is None else f"{count:,}"


def _firms(play: Play) -> Counter[str]:
    """How many firms each region has, from the register itself."""
    found: Counter[str] = Counter()
    for row in play.raw("enterprises"):
        steps = row["community"].split("/")
        found.update("/".join(steps[:depth]) for depth in range(1, len(steps) + 1))
    return found
