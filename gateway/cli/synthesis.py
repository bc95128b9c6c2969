"""`gateway synthesis`: synthetic extracts, asked for, looked at, ended and fetched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gateway.cli.as_json import print_json, print_one
from gateway.cli.codes import FINE, FOUND
from gateway.cli.connection import connected_caller
from gateway.cli.mistake import Mistake
from gateway.client import SynthesisEstimate, SyntheticExtract

Purpose = Annotated[str, Parameter(name="--for")]


def estimate(
    dataset: str,
    disclosure: str,
    /,
    *,
    purpose: Purpose,
    rho: float | None = None,
    epsilon: float | None = None,
    fields: str = "",
    rows: int = 0,
    region: str = "",
    case_number: str = "",
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Tell what synthetic rows would cost, what is counted for them, and how near it comes. Spends nothing.

    Parameters
    ----------
    dataset
        The dataset.
    disclosure
        The disclosure that offers them.
    purpose
        The purpose that they are for.
    rho
        The price of all counts together, in rho.
    epsilon
        The price in pure epsilon, in place of rho.
    fields
        The fields that rows have, with commas between them; left out, all that are offered.
    rows
        How many rows; left out, as many as the counts speak of.
    region
        The region; left out, the whole city.
    case_number
        The case, where the grant asks for one.
    connect
        The connection file.
    json_
        Print JSON.
    """
    _one_price(rho, epsilon)
    with connected_caller(connect) as gateway:
        told = gateway.estimate_synthesis(
            dataset, disclosure, purpose=purpose, fields=_names(fields), rows=rows, region=region,
            case_number=case_number, rho=rho, epsilon=epsilon,
        )  # fmt: skip
    print_one(told, _estimate_as_json, _estimate_lines, json_=json_)
    return FINE


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
    _one_price(rho, epsilon)
    with connected_caller(connect) as gateway:
        extract = gateway.synthesize(
            dataset, disclosure, purpose=purpose, fields=_names(fields), rows=rows, file_format=file_format,
            region=region, case_number=case_number, rho=rho, epsilon=epsilon,
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

    Exits with 1 where there was nothing to end: it is done, say.

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
        ended = found.cancel()
        _tell(found, json_=json_)
        if ended == "cancelled":
            return FINE
        print(f"gateway: nothing was cancelled: the extract is {ended}.", file=sys.stderr)
        return FOUND


def fetch(
    extract: str,
    file: Path,
    /,
    *,
    purpose: Purpose,
    report: Path | None = None,
    certificate: Path | None = None,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Wait for a file and save it, checked by its digest, and say where it is. One that was cut short goes on.

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
    certificate
        A file to write the certificate to, as JSON: `gateway release verify` holds file and report to it, offline.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected_caller(connect) as gateway:
        found = gateway.synthesis(extract, purpose=purpose).wait(_tell_progress)
        written = {"rows": file}
        try:
            found.save(file)
            if report is not None:
                report.write_text(found.report_json, encoding="utf-8")
                written["report"] = report
            signed = found.certificate
            if certificate is not None:
                if signed is None:
                    raise Mistake("its counts were stored before files had certificates", "Leave out --certificate.")
                certificate.write_bytes(signed.to_json())
                written["certificate"] = certificate
        except OSError as error:
            raise Mistake(f"a file cannot be written: {error.strerror}") from None
        places = {what: str(path.resolve()) for what, path in written.items()}
        if json_:
            print_json({**_as_json(found), "written": places})
        else:
            print("\n".join([*_lines(found), *(f"  {what} in {place}" for what, place in places.items())]))
        return FINE


def _names(written: str) -> list[str]:
    return [name for name in written.split(",") if name]


def _one_price(rho: float | None, epsilon: float | None) -> None:
    if (rho is None) == (epsilon is None):
        raise Mistake("a price is written in one of two ways", "Give --rho, or --epsilon.")


def _estimate_as_json(told: SynthesisEstimate) -> object:
    return {
        "fields": list(told.fields),
        "rho": told.privacy_loss.rho,
        "counts": [{"fields": list(one.fields), "cells": one.cells, "margin_95": one.margin_95} for one in told.counts],
        "cells": told.cells,
        "rows": told.rows or None,
        "most_rows": told.most_rows,
        "max_groups_per_unit": told.max_groups,
        "max_rows_per_group": told.max_rows,
        "budgets_after": {one.account: one.remaining_rho for one in told.budgets_after},
        "affordable": told.affordable,
        "already_counted": told.already_counted,
        "coverage": [{"kind": one.kind, "field": one.field, "text": one.text} for one in told.coverage],
    }


def _estimate_lines(told: SynthesisEstimate) -> list[str]:
    rows = f"{told.rows} rows" if told.rows else f"as many rows as the counts speak of, {told.most_rows} at most,"
    charge = "counted before on this data: costs nothing" if told.already_counted else "would be charged"
    fits = "" if told.affordable else "; more than is left of a budget"
    return [
        f"{rows} of {', '.join(told.fields)}",
        f"  rho {told.privacy_loss.rho}, {charge}{fits}",
        *(f"  {one.account}: {one.remaining_rho} left then" for one in told.budgets_after),
        *(f"  {' × '.join(one.fields)}: {one.cells} cells, ± {one.margin_95:g} rows at 95 %" for one in told.counts),
        *(f"  {one.text}" for one in told.coverage),
    ]


def _tell_progress(state: str, progress: float) -> None:
    print(f"{state} {progress:.0%}", file=sys.stderr)


def _tell(extract: SyntheticExtract, *, json_: bool) -> int:
    print_one(extract, _as_json, _lines, json_=json_)
    return FINE


def _as_json(extract: SyntheticExtract) -> dict[str, object]:
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
