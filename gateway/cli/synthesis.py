"""`gateway synthesis`: synthetic extracts, asked for, looked at, ended and fetched."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gateway.cli.as_json import print_json, print_one
from gateway.cli.asking import Asking, AskingThere
from gateway.cli.codes import FINE, FOUND
from gateway.cli.mistake import Mistake
from gateway.client import SynthesisEstimate, SyntheticExtract


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is counted, at which price, and how many rows are made of it."""

    rho: Annotated[
        float | None,
        Parameter(help="The price of all counts together, in rho: the one to prefer, since noise is far narrower."),
    ] = None
    epsilon: Annotated[float | None, Parameter(help="The price in pure epsilon, in place of rho.")] = None
    fields: Annotated[
        str, Parameter(help="The fields that rows have, with commas between them; left out, all that are offered.")
    ] = ""
    rows: Annotated[int, Parameter(help="How many rows; left out, as many as the counts speak of.")] = 0

    def named(self) -> list[str]:
        """Return the fields.

        Raises:
            Mistake: there is no price, or one in each currency.
        """
        if (self.rho is None) == (self.epsilon is None):
            raise Mistake("a price is written in one of two ways", "Give --rho, or --epsilon.")
        return [name for name in self.fields.split(",") if name]


def estimate(
    dataset: str, disclosure: str, /, *, asking: AskingThere, wanted: Wanted | None = None, json_: bool = False
) -> int:
    """Tell what synthetic rows would cost, what is counted for them, and how near it comes. Spends nothing.

    Parameters
    ----------
    dataset
        The dataset.
    disclosure
        The disclosure that offers them.
    json_
        Print JSON.
    """
    wanted = wanted or Wanted()
    fields = wanted.named()
    with asking.connected() as gateway:
        told = gateway.estimate_synthesis(
            dataset, disclosure, purpose=asking.purpose, rho=wanted.rho, epsilon=wanted.epsilon, fields=fields,
            rows=wanted.rows, region=asking.region, case_number=asking.case_number,
        )  # fmt: skip
    print_one(told, _estimate_as_json, _estimate_lines, json_=json_)
    return FINE


def request(
    dataset: str,
    disclosure: str,
    /,
    *,
    asking: AskingThere,
    wanted: Wanted | None = None,
    file_format: Annotated[Literal["parquet", "csv"], Parameter(name="--format")] = "parquet",
    json_: bool = False,
) -> int:
    """Ask for synthetic rows. Their counts are charged once; the same again, and other rows of them, cost nothing.

    Parameters
    ----------
    dataset
        The dataset.
    disclosure
        The disclosure that offers them.
    file_format
        The format of the file: parquet or csv.
    json_
        Print JSON.
    """
    wanted = wanted or Wanted()
    fields = wanted.named()
    with asking.connected() as gateway:
        extract = gateway.synthesize(
            dataset, disclosure, purpose=asking.purpose, rho=wanted.rho, epsilon=wanted.epsilon, fields=fields,
            rows=wanted.rows, file_format=file_format, region=asking.region, case_number=asking.case_number,
        )  # fmt: skip
        return _tell(extract, json_=json_)


def status(extract: str, /, *, asking: Asking, wait: bool = False, json_: bool = False) -> int:
    """Tell where a job stands.

    Parameters
    ----------
    extract
        The id of the extract.
    wait
        Wait until its file is made, and tell on the way how far it is.
    json_
        Print JSON.
    """
    with asking.connected() as gateway:
        found = gateway.synthesis(extract, purpose=asking.purpose)
        if wait:
            found.wait(_tell_progress)
        return _tell(found, json_=json_)


def cancel(extract: str, /, *, asking: Asking, json_: bool = False) -> int:
    """End a job. What its counts cost stays spent, and they are kept: asked for again, it costs nothing.

    Exits with 1 where there was nothing to end: it is done, say.

    Parameters
    ----------
    extract
        The id of the extract.
    json_
        Print JSON.
    """
    with asking.connected() as gateway:
        found = gateway.synthesis(extract, purpose=asking.purpose)
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
    asking: Asking,
    report: Path | None = None,
    certificate: Path | None = None,
    json_: bool = False,
) -> int:
    """Wait for a file and save it, checked by its digest, and say where it is. One that was cut short goes on.

    Parameters
    ----------
    extract
        The id of the extract.
    file
        The file to write.
    report
        A file to write the report to, as JSON: how near the rows are to the counts they are made of.
    certificate
        A file to write the certificate to, as JSON: `gateway release verify` holds file and report to it, offline.
    json_
        Print JSON.
    """
    with asking.connected() as gateway:
        found = gateway.synthesis(extract, purpose=asking.purpose).wait(_tell_progress)
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
