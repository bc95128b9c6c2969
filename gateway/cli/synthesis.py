"""`gateway synthesis`: synthetic extracts, asked for, looked at, ended and fetched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gateway.cli.as_json import print_one
from gateway.cli.codes import FINE
from gateway.cli.connection import connected_caller
from gateway.cli.mistake import Mistake
from gateway.client import SyntheticExtract

Purpose = Annotated[str, Parameter(name="--for")]


def request(
    dataset: str,
    disclosure: str,
    /,
    *,
    purpose: Purpose,
    rho: float | None = None,
    epsilon: float | None = None,
    fields: str = "",
    rows: int = 0,
    file_format: Annotated[Literal["parquet", "csv"], Parameter(name="--format")] = "parquet",
    region: str = "",
    case_number: str = "",
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Ask for synthetic rows. Their counts are charged once; the same again, and other rows of them, cost nothing.

    Parameters
    ----------
    dataset
        The dataset.
    disclosure
        The disclosure that offers them.
    purpose
        The purpose that they are for.
    rho
        The price of all counts together, in rho: the one to prefer, since noise is far narrower.
    epsilon
        The price in pure epsilon, in place of rho.
    fields
        The fields that rows have, with commas between them; left out, all that are offered.
    rows
        How many rows; left out, as many as the counts speak of.
    file_format
        The format of the file: parquet or csv.
    region
        The region; left out, the whole city.
    case_number
        The case, where the grant asks for one.
    connect
        The connection file.
    json_
        Print JSON.
    """
    if (rho is None) == (epsilon is None):
        raise Mistake("a price is written in one of two ways", "Give --rho, or --epsilon.")
    named = [name for name in fields.split(",") if name]
    with connected_caller(connect) as gateway:
        extract = gateway.synthesize(
            dataset, disclosure, purpose=purpose, rho=rho, epsilon=epsilon, fields=named, rows=rows,
            file_format=file_format, region=region, case_number=case_number,
        )  # fmt: skip
        return _tell(extract, json_=json_)


def status(
    extract: str, /, *, purpose: Purpose, wait: bool = False, connect: Path | None = None, json_: bool = False
) -> int:
    """Tell where a job stands.

    Parameters
    ----------
    extract
        The id of the extract.
    purpose
        The purpose that it is for.
    wait
        Wait until its file is made, and tell on the way how far it is.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected_caller(connect) as gateway:
        found = gateway.synthesis(extract, purpose=purpose)
        if wait:
            found.wait(_tell_progress)
        return _tell(found, json_=json_)


def cancel(extract: str, /, *, purpose: Purpose, connect: Path | None = None, json_: bool = False) -> int:
    """End a job. What its counts cost stays spent, and they are kept: asked for again, it costs nothing.

    Parameters
    ----------
    extract
        The id of the extract.
    purpose
        The purpose that it is for.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected_caller(connect) as gateway:
        found = gateway.synthesis(extract, purpose=purpose)
        found.cancel()
        return _tell(found, json_=json_)


def fetch(
    extract: str,
    file: Path,
    /,
    *,
    purpose: Purpose,
    report: Path | None = None,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Wait for a file and save it, checked by its digest. A fetch that was cut short goes on where it was.

    Parameters
    ----------
    extract
        The id of the extract.
    file
        The file to write.
    purpose
        The purpose that it is for.
    report
        A file to write the report to, as JSON: how near the rows are to the counts they are made of.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected_caller(connect) as gateway:
        found = gateway.synthesis(extract, purpose=purpose).wait(_tell_progress)
        try:
            found.save(file)
            if report is not None:
                report.write_text(found.report_json, encoding="utf-8")
        except OSError as error:
            raise Mistake(f"a file cannot be written: {error.strerror}") from None
        return _tell(found, json_=json_)


def _tell_progress(state: str, progress: float) -> None:
    print(f"{state} {progress:.0%}", file=sys.stderr)


def _tell(extract: SyntheticExtract, *, json_: bool) -> int:
    print_one(extract, _as_json, _lines, json_=json_)
    return FINE


def _as_json(extract: SyntheticExtract) -> object:
    message = extract.message
    return {
        "id": extract.id,
        "dataset": message.plan.dataset,
        "disclosure": message.plan.disclosure,
        "fields": list(message.plan.fields),
        "region": message.region,
        "rows": message.rows,
        "format": extract.file_format,
        "state": extract.state,
        "progress": extract.progress,
        "failure": message.failure,
        "charged": extract.charged,
        "rho": message.privacy_loss.rho,
        "bytes": message.file_bytes,
        "sha256": message.file_sha256,
    }


def _lines(extract: SyntheticExtract) -> list[str]:
    message = extract.message
    why = f" ({message.failure})" if message.failure else ""
    lines = [
        extract.id,
        f"  {message.rows} rows of {', '.join(message.plan.fields)} like {message.plan.dataset}, {extract.file_format}",
        f"  {extract.state}{why}, {extract.progress:.0%}",
        f"  its counts lose rho {message.privacy_loss.rho}" + (", charged now" if extract.charged else ""),
    ]
    if message.file_bytes:
        lines.append(f"  {message.file_bytes} bytes, SHA-256 {message.file_sha256}")
    return lines
