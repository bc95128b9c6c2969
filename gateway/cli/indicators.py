"""`gateway indicator`: exact figures of one's own regions, as they stand and as they change."""

from __future__ import annotations

import json
from collections.abc import Iterable

from gateway.cli.asking import AskingThere
from gateway.cli.codes import FINE
from gateway.cli.mistake import Mistake
from gateway.client import Figure, Indicator


def read(name: str, /, *, asking: AskingThere, json_: bool = False) -> int:
    """Print the figures of a region and all below it, as they stand.

    Parameters
    ----------
    name
        The indicator, as DATASET/DISCLOSURE.
    json_
        Print JSON, one line a figure.
    """
    dataset, disclosure = _named(name)
    with asking.connected() as gateway:
        found = gateway.read_indicator(
            dataset, disclosure, purpose=asking.purpose, region=asking.region, case_number=asking.case_number
        )
    if not json_:
        print(_head(found))
    _print(found, found.figures.values(), json_=json_)
    return FINE


def watch(name: str, /, *, asking: AskingThere, updates: int = 0, json_: bool = False) -> int:
    """Print the figures, and then each that changes, until interrupted.

    Parameters
    ----------
    name
        The indicator, as DATASET/DISCLOSURE.
    updates
        End after so many updates, the first among them; 0: never.
    json_
        Print JSON, one line a figure.
    """
    dataset, disclosure = _named(name)
    seen = 0
    with asking.connected() as gateway:
        for now in gateway.watch_indicator(
            dataset, disclosure, purpose=asking.purpose, region=asking.region, case_number=asking.case_number
        ):
            if not json_:
                print(_head(now))
            _print(now, now.changed, json_=json_)
            seen += 1
            if seen == updates:
                break
    return FINE


def _named(name: str) -> tuple[str, str]:
    match name.split("/"):
        case [dataset, disclosure] if dataset and disclosure:
            return dataset, disclosure
        case _:
            raise Mistake("an indicator is named by its dataset and disclosure", "Write DATASET/DISCLOSURE.")


def _head(now: Indicator) -> str:
    return f"version {now.version}, {now.published_at.isoformat(timespec='seconds')}: {', '.join(now.about.statistics)}"


def _print(now: Indicator, figures: Iterable[Figure], *, json_: bool) -> None:
    for one in figures:
        if json_:
            said = {
                "region": one.region,
                "keys": dict(zip(now.about.group_by, one.keys, strict=True)),
                "values": one.values,
                "version": now.version,
                "as_of_version": one.as_of_version,
            }
            print(json.dumps(said, ensure_ascii=False, default=str), flush=True)
            continue
        values = "withheld" if one.values is None else "  ".join(f"{value}" for value in one.values.values())
        print("  " + "  ".join((one.region, *map(str, one.keys), values)), flush=True)
