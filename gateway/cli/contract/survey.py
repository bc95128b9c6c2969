"""Reads a file once, whole, and says what each column is."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.cli.contract.clues import Clue, Detective
from gateway.cli.contract.column_types import Typer, Typing
from gateway.cli.contract.reading import InputFile
from gateway.cli.mistake import Mistake
from gateway.model.storage import SourceKind


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file. `nulls` says whether a value is missing anywhere, `empty` whether all are."""

    index: int
    name: str
    typing: Typing
    clue: Clue
    nulls: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in a file."""

    file: InputFile
    rows: int
    columns: tuple[Column, ...]


def survey(file: InputFile) -> Survey:
    """Read all rows and return what was found.

    Raises:
        Mistake: the file is broken, or text without a row.
    """
    textual = file.kind is SourceKind.CSV
    typers = [Typer(type_, textual) for type_ in file.types]
    detectives = [Detective(name) for name in file.columns]
    nulls = [0] * len(file.columns)
    rows = 0
    for batch in file.batches():
        rows += batch.num_rows
        for index, column in enumerate(batch.columns):
            nulls[index] += column.null_count
            typers[index].watch(column)
            detectives[index].watch(column)
    if not rows and textual:
        raise Mistake(f"{file.path} has no row below its header", "Types can be found from values alone; add some.")
    columns = []
    for index, name in enumerate(file.columns):
        typing = typers[index].found()
        clue = detectives[index].found(typing.type)
        columns.append(Column(index, name, typing, clue, nulls[index] > 0, nulls[index] == rows))
    return Survey(file, rows, tuple(columns))
