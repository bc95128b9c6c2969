"""`gateway push`: a department pushes a file of rows into a dataset, once however often it tries."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from cyclopts import Parameter

import gateway.client as gw
from gateway.cli.as_json import print_json
from gateway.cli.asking import AskingThere
from gateway.cli.codes import FINE, FOUND
from gateway.cli.counting import counted
from gateway.cli.mistake import Mistake
from gateway.cli.push.rejected import rejected_file
from gateway.cli.push.rows import RowFile, read_through
from gateway.model.values import FieldType

_MOST_SHOWN = 20
_IDS = uuid.UUID("5f0a4a3e-6c1b-5d0e-9b0f-3f1d5b5f6a10")
"""The namespace of ids that are made of what is pushed."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How a file becomes batches."""

    batch_id: Annotated[
        str, Parameter(help="A UUID that stands for this file for ever; left out, one made of it and of what is asked.")
    ] = ""
    rows: Annotated[int, Parameter(help="The most rows of a batch. A longer file is several.")] = 50_000
    all_or_nothing: Annotated[bool, Parameter(help="Keep nothing if one row does not fit.")] = False

    def ids(self, asked: object, file: RowFile) -> Iterator[str]:
        """Yield the ids of the batches, the same whenever the same file is pushed in the same way.

        Raises:
            Mistake: what was given is no UUID.
        """
        try:
            first = uuid.UUID(self.batch_id) if self.batch_id else None
        except ValueError:
            raise Mistake("--batch-id is no UUID", "Leave it out, or make one with uuidgen.") from None
        if first is None:
            first = uuid.uuid5(_IDS, json.dumps([asked, self.rows, self.all_or_nothing, file.sha256.hex()]))
        number = 0
        while True:
            yield str(first if not number else uuid.uuid5(first, str(number)))
            number += 1


@dataclass(frozen=True, slots=True)
class _Part:
    """A batch that was answered, and the number of its first row in the file."""

    first: int
    rows: pa.Table
    pushed: gw.Pushed

    def numbered(self) -> Iterator[gw.RejectedRow]:
        """The rows that were not kept, by their numbers in the file."""
        for one in self.pushed.rejected_rows:
            yield gw.RejectedRow(self.first + one.row, one.reason, one.field)


def push(
    name: str,
    file: Path,
    /,
    *,
    asking: AskingThere,
    batching: Batching | None = None,
    rejected: Path | None = None,
    json_: bool = False,
) -> int:
    """Push a Parquet, CSV or Arrow file of rows. After any failure, run the same again: every row is kept once.

    Exits with 0 if all rows are kept, with 1 if some are not.

    Parameters
    ----------
    name
        The disclosure that collects them, as DATASET/DISCLOSURE.
    file
        The file.
    rejected
        Write the rows that are not kept into this new file, with reasons: .csv, .parquet or .arrow.
    json_
        Print JSON, one line a batch.
    """
    batching = batching or Batching()
    dataset, disclosure = _named(name)
    if batching.rows < 1:
        raise Mistake("--rows is how many rows a batch may have, from 1")
    left = 0
    with asking.connected() as gateway, rejected_file(rejected) as write:
        read = read_through(file, _types(gateway, dataset, disclosure, asking.purpose))
        if batching.all_or_nothing and read.rows > batching.rows:
            raise Mistake(
                f"{file} has {read.rows} rows, and all or nothing goes for one batch",
                "Raise --rows as far as the gateway allows, or push several files.",
            )
        for part in _pushed(gateway, dataset, disclosure, asking, batching, read):
            write(part.rows, part.first, part.pushed.rejected_rows)
            left += part.pushed.rejected
            if json_:
                print_json(_as_json(part))
            else:
                print("\n".join(_lines(part)), flush=True)
    if left and rejected is not None and not json_:
        print(f"rows that were not kept: {rejected}")
    return FOUND if left else FINE


def _pushed(
    gateway: gw.Gateway, dataset: str, disclosure: str, asking: AskingThere, batching: Batching, read: RowFile
) -> Iterator[_Part]:
    asked = (dataset, disclosure, asking.purpose, asking.region, asking.case_number)
    ids, first = batching.ids(asked, read), 0
    for rows in read.parts(batching.rows):
        try:
            pushed = gateway.push(
                dataset, disclosure, rows, purpose=asking.purpose, region=asking.region, batch_id=next(ids),
                all_or_nothing=batching.all_or_nothing, case_number=asking.case_number,
            )  # fmt: skip
        except (TypeError, ValueError, pa.ArrowException):
            # not chained: its text may hold a value
            raise Mistake(
                f"{read.path} has a column of a type that no field has, or of more than its type holds",
                "Take it out, or store text, whole numbers, decimals, booleans, dates or local times.",
            ) from None
        yield _Part(first, rows, pushed)
        first += rows.num_rows


def _types(gateway: gw.Gateway, dataset: str, disclosure: str, purpose: str) -> Mapping[str, FieldType]:
    """The types of what is collected, as offered. Of what is not, none: then the refusal says why."""
    found = gateway.describe(purpose=purpose, dataset=dataset)
    return {
        field.field: FieldType(field.type)
        for offer in found
        if offer.disclosure == disclosure
        for field in offer.collects
    }


def _named(name: str) -> tuple[str, str]:
    match name.split("/"):
        case [dataset, disclosure] if dataset and disclosure:
            return dataset, disclosure
        case _:
            raise Mistake("what collects rows is named by its dataset and disclosure", "Write DATASET/DISCLOSURE.")


def _lines(part: _Part) -> Iterator[str]:
    pushed = part.pushed
    when = f"{pushed.kept_at.isoformat(timespec='seconds')}"
    yield (
        f"batch {pushed.batch_id}: {counted(pushed.accepted, 'row')} kept, {pushed.rejected:,} not"
        + (f"; it was pushed before, at {when}" if pushed.repeated else "")
    )
    for reason, count in pushed.counts.items():
        yield f"  {count:>9,}  {reason}"
    told = list(part.numbered())
    for one in told[:_MOST_SHOWN]:
        yield f"  row {one.row}: {' '.join(filter(None, (one.reason, one.field)))}"
    if pushed.rejected > _MOST_SHOWN:
        yield f"  and {pushed.rejected - _MOST_SHOWN:,} more; the gateway named {len(told):,} of them all"
    yield f"  receipt {pushed.receipt.receipt_id}"


def _as_json(part: _Part) -> object:
    pushed = part.pushed
    return {
        "batch_id": pushed.batch_id,
        "first_row": part.first,
        "accepted": pushed.accepted,
        "rejected": pushed.rejected,
        "counts": pushed.counts,
        "rejected_rows": [{"row": one.row, "reason": one.reason, "field": one.field} for one in part.numbered()],
        "kept_at": pushed.kept_at,
        "repeated": pushed.repeated,
        "receipt_id": pushed.receipt.receipt_id,
    }
