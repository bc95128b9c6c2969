"""`gateway series`: a cockpit's daily job. Opens a series once, and writes its days into a file that a page reads."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from datetime import date
from pathlib import Path

from gateway.cli.as_json import print_all
from gateway.cli.asking import AskingThere
from gateway.cli.codes import FINE
from gateway.cli.days import day_of
from gateway.cli.mistake import Mistake
from gateway.client import Series, SeriesDays


def list_(*, asking: AskingThere, dataset: str = "", json_: bool = False) -> int:
    """List the series that may be had for a purpose, with prices and margins. Spends nothing.

    Parameters
    ----------
    dataset
        Only those of this dataset.
    json_
        Print JSON.
    """
    with asking.connected() as gateway:
        found = gateway.list_series(
            purpose=asking.purpose, dataset=dataset, region=asking.region, case_number=asking.case_number
        )
    print_all(found, _as_json, _lines, json_=json_)
    if not found:
        print("gateway: nothing of what is granted to you for this purpose is published as a series.", file=sys.stderr)
    return FINE


def open_(name: str, /, *, asking: AskingThere, pay: str) -> int:
    """Pay for a series, once, for all its days. One that is open costs nothing.

    Parameters
    ----------
    name
        The series, as DATASET/DISCLOSURE/SERIES.
    pay
        The price that you agree to, as the list tells it: rho=0.1 or epsilon=1.
    """
    named, (rho, epsilon) = _named(name), _price(pay)
    with asking.connected() as gateway:
        opened = gateway.open_series(
            *named, purpose=asking.purpose, region=asking.region, rho=rho, epsilon=epsilon,
            case_number=asking.case_number,
        )  # fmt: skip
    print(f"{name} is open, until {opened.message.last_day}. New days cost nothing.")
    return FINE


def write(
    name: str,
    file: Path,
    /,
    *,
    asking: AskingThere,
    spans: str = "7",
    first_day: str = "",
    certificates: Path | None = None,
) -> int:
    """Write all days of an open series that are over into a file, in place of what it held. For a job that runs daily.

    Parameters
    ----------
    name
        The series, as DATASET/DISCLOSURE/SERIES.
    file
        The file, .csv or .json. It is replaced as a whole: nobody reads half of it.
    spans
        Beside each day and all so far, sums over the last so many days: numbers with commas between, or nothing.
    first_day
        Only from this day on, YYYY-MM-DD.
    certificates
        A folder to write what the gateway signed of these days into: one file, named by its days, for each part that
        they came in. `gateway release verify` verifies one offline.
    """
    if file.suffix not in _WRITERS:
        raise Mistake(f"{file} is neither .csv nor .json", "Name a file that is.")
    named, wanted = _named(name), _spans(spans)
    begin = day_of(first_day, "--first-day") if first_day else None
    with asking.connected() as gateway:
        days = gateway.get_series(
            *named, purpose=asking.purpose, first_day=begin, spans=wanted, region=asking.region,
            case_number=asking.case_number,
        )  # fmt: skip
    _replace(file, _WRITERS[file.suffix](days))
    if certificates is not None:
        for signed in days.certificates:
            shown = [one["day"] for one in signed.shows["days"]]
            _replace(certificates / f"{shown[0]}_{shown[-1]}.json", signed.to_json().decode())
    last = f", the last {days.days[-1]}" if days.days else ""
    print(f"{file}: {len(days.days)} days of {name}{last}.")
    return FINE


def _named(name: str) -> tuple[str, str, str]:
    match name.split("/"):
        case [dataset, disclosure, series] if dataset and disclosure and series:
            return dataset, disclosure, series
        case _:
            raise Mistake("a series is named by its dataset and disclosure too", "Write DATASET/DISCLOSURE/SERIES.")


def _price(pay: str) -> tuple[float | None, float | None]:
    currency, _, amount = pay.partition("=")
    try:
        number = float(amount)
    except ValueError:
        number = 0.0
    if currency not in ("rho", "epsilon") or not number > 0:
        raise Mistake("--pay is no price", "Write rho=… or epsilon=…, as gateway series list tells it.")
    return (number, None) if currency == "rho" else (None, number)


def _spans(written: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in written.split(",") if part.strip())
    except ValueError:
        raise Mistake("--spans are numbers of days", "Write 7 or 7,28.") from None


def _as_json(series: Series) -> object:
    message = series.message
    return {
        "series": f"{message.dataset}/{message.disclosure}/{message.name}",
        "description": message.description,
        "region": message.region,
        "first_day": message.first_day,
        "last_day": message.last_day,
        "protects": message.privacy_unit,
        "days_per_unit": message.days_per_unit,
        "price": dict(series.price),
        "epsilon_at_delta": message.privacy_loss.epsilon_at_delta,
        "mechanisms": sorted({measure.mechanism for measure in message.measures}),
        "measured_by": message.strategy,
        "margins_95_on_the_last_day": dict(series.margins),
        "limits": [measure.bias_note for measure in message.measures],
        "open": series.open,
        "days_closed": message.days_closed,
        "days_due": message.days_due,
    }


def _lines(series: Series) -> list[str]:
    message = series.message
    ((currency, amount),) = series.price.items()
    paid = f"open, {message.days_closed} of {message.days_due} due days read" if series.open else "not open yet"
    margins = ", ".join(f"{name} ±{_rounded(margin)}" for name, margin in series.margins.items())
    return [
        f"{message.dataset}/{message.disclosure}/{message.name} in {message.region}: {message.description}",
        f"  {message.first_day} to {message.last_day}, for {currency}={amount:g}; {paid}",
        f"  95 % margins on the last day: {margins}",
    ]


def _rounded(margin: float) -> str:
    return f"{margin:,.0f}" if margin >= 100 else f"{margin:.3g}"


def _as_csv(days: SeriesDays) -> str:
    table = days.to_arrow()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return text.getvalue()


def _as_document(days: SeriesDays) -> str:
    read = [
        {"day": day.day, "read_at": day.closed_at.ToJsonString(), "data_version": day.data_version}
        for part in days.parts
        for day in part.days
    ]
    document = {
        "about": _as_json(days.series),
        "post_processing": list(days.parts[0].post_processing),
        "days": read,
        "rows": days.to_arrow().to_pylist(),
    }
    return json.dumps(document, ensure_ascii=False, default=date.isoformat) + "\n"


_WRITERS = {".csv": _as_csv, ".json": _as_document}


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with new.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        new.chmod(0o644)
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Mistake(f"{file} cannot be written: {error.strerror}") from None
