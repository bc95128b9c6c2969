"""`gateway contract rehearse`: rows made up from a contract, for whoever writes software and may see no data."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import csv

from gateway.cli.contract.copy import replacing
from gateway.cli.contract.files import see_replaceable
from gateway.cli.contract.named import contract_of
from gateway.cli.counting import counted
from gateway.cli.mistake import Mistake
from gateway.cli.policy.folder import valid_folder
from gateway.kernels.batches import declared_schema
from gateway.kernels.rehearsal import rehearsal
from gateway.model.storage import SourceKind

MAX_ROWS = 1_000_000_000
_MAX_SEED = 2**63 - 1
_KINDS = {".parquet": SourceKind.PARQUET, ".csv": SourceKind.CSV}


def rehearse(
    dataset: str,
    /,
    *,
    out: Path,
    policies: Path = Path("policies"),
    rows: int = 10_000,
    seed: int = 1,
    force: bool = False,
) -> None:
    """Make rows up from a contract alone: its types, keys, bounds and canonical forms. No data is read.

    The file is what the contract describes, so that a gateway can serve the same policy over it. Nobody in it exists:
    numbers have the form of real ones and are never valid. The same seed gives the same file.

    Parameters
    ----------
    dataset
        The dataset.
    out
        Where to write the rows: a file that ends in .parquet or .csv, as the contract's source has it.
    policies
        The policy folder.
    rows
        How many rows.
    seed
        Any whole number from 0 on. Datasets made with the same seed share their people.
    force
        Replace a file that exists.
    """
    kind = _KINDS.get(out.suffix)
    if kind is None:
        raise Mistake(f"{out.name} is neither Parquet nor CSV", "End the name of --out in .parquet or .csv.")
    see_replaceable(out, force)
    if not 1 <= rows <= MAX_ROWS:
        raise Mistake("--rows is out of range", f"Choose 1 to {MAX_ROWS}.")
    if not 0 <= seed <= _MAX_SEED:
        raise Mistake("--seed is out of range", "Choose a whole number from 0 on.")
    snapshot = valid_folder(policies)
    contract = contract_of(dataset, snapshot, policies)
    regions = snapshot.regions.leaves(snapshot.regions.root.path)
    schema, batches = declared_schema(contract), rehearsal(contract, regions, rows, seed)
    with replacing(out) as fresh:
        if kind is SourceKind.PARQUET:
            with pq.ParquetWriter(fresh, schema, compression="zstd") as file:
                for batch in batches:
                    file.write_batch(batch)
        else:
            with csv.CSVWriter(fresh, schema) as table:
                for batch in batches:
                    table.write_batch(batch)
    print(f"Wrote {out}: {counted(rows, 'row')} made up from the contract of {dataset}; nobody in it exists.")
    if kind is not contract.source.kind:
        print(f"The contract reads {contract.source.kind}: a gateway does not serve this file.", file=sys.stderr)
