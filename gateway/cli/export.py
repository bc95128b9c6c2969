"""`gateway export`: the rows of an extract as files, made where the rows are, and saved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gateway.cli.as_json import print_json
from gateway.cli.asking import AskingThere
from gateway.cli.codes import FINE
from gateway.cli.counting import counted
from gateway.cli.mistake import Mistake
from gateway.client import Export


def export(
    dataset: str,
    disclosure: str,
    folder: Path,
    /,
    *,
    asking: AskingThere,
    fields: Annotated[
        str, Parameter(help="The fields wanted, with commas between them; left out, all that the disclosure gives.")
    ] = "",
    json_: bool = False,
) -> int:
    """Have the rows of an extract made into Parquet files, wait for them, and save them in a folder.

    They are made while this runs: interrupted, it leaves nothing at the gateway.

    Parameters
    ----------
    dataset
        The dataset.
    disclosure
        The disclosure, an extract.
    folder
        The folder to write the files to; made where it is missing.
    json_
        Print JSON.
    """
    with asking.connected() as gateway:
        made = gateway.export(
            dataset, disclosure, purpose=asking.purpose, fields=[name for name in fields.split(",") if name],
            region=asking.region, case_number=asking.case_number, progress=_tell_progress,
        )  # fmt: skip
        try:
            saved = made.save(folder)
        except OSError as error:
            raise Mistake(f"a file cannot be written: {error.strerror}") from None
    if json_:
        print_json(_as_json(made, saved))
    else:
        print("\n".join(_lines(made, saved)))
    return FINE


def _tell_progress(parts: int, rows: int) -> None:
    print(f"{counted(parts, 'part')}, {counted(rows, 'row')}", file=sys.stderr)


def _as_json(made: Export, saved: tuple[Path, ...]) -> object:
    return {
        "id": made.id,
        "rows": made.rows,
        "receipt": made.receipt.receipt_id,
        "until": f"{made.until.isoformat()}Z",
        "files": [
            {"file": str(path.resolve()), "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
            for path, file in zip(saved, made.files, strict=True)
        ],
    }


def _lines(made: Export, saved: tuple[Path, ...]) -> list[str]:
    return [
        f"{counted(made.rows, 'row')} in {counted(len(made.files), 'file')}, receipt {made.receipt.receipt_id}",
        *(f"  {path.resolve()}: {counted(file.rows, 'row')}, SHA-256 {file.sha256}"
          for path, file in zip(saved, made.files, strict=True)),
    ]  # fmt: skip
