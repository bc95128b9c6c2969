"""Reads any Parquet or CSV file as a stream of Arrow batches, in bounded memory; no message shows what is in it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gateway.cli.mistake import Mistake
from gateway.model.storage import SourceKind

_ROWS = 65_536
_BLOCK = 4 << 20
_HEADER_BYTES = 1 << 20
_DELIMITERS = ",;\t|"
# What a header never is and a value often is: an empty cell, a number, a date, an address with an @.
_VALUE_LIKE = re.compile(r"\s*|[-+.\d][-+.\d\s:/TZ%]*|[\dX-]{15,}|\S+@\S+\.\S+|true|false|NA|NULL", re.IGNORECASE)
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"\x1f\x8b": "compressed with gzip",
    b"(\xb5/\xfd": "compressed with Zstandard",
    b"BZh": "compressed with bzip2",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"ARROW1": "an Arrow IPC file",
    b"ORC": "an ORC file",
    b"SQLite format": "an SQLite database",
}


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file whose columns are known. `encoding` and `delimiter` are those of a CSV file; its types are all text."""

    path: Path
    kind: SourceKind
    columns: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    encoding: str = "utf-8"
    delimiter: str = ","

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows, with the columns of `columns` and `types` in order.

        Raises:
            Mistake: the file is broken; the text says where.
        """
        return self._parquet() if self.kind is SourceKind.PARQUET else self._csv()

    def _parquet(self) -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(batch_size=_ROWS)
        except (pa.ArrowException, OSError):
            raise Mistake(f"{self.path} is a Parquet file that breaks off or is damaged", "Write it anew.") from None

    def _csv(self) -> Iterator[pa.RecordBatch]:
        uneven: list[pa_csv.InvalidRow] = []

        def refuse(row: pa_csv.InvalidRow) -> Literal["skip", "error"]:
            uneven.append(row)
            return "error"

        names = [f"c{index}" for index in range(len(self.columns))]
        read = 0
        try:
            reader = pa_csv.open_csv(
                self.path,
                pa_csv.ReadOptions(
                    use_threads=False,
                    block_size=_BLOCK,
                    column_names=names,
                    skip_rows_after_names=1,
                    encoding=self.encoding,
                ),
                pa_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=refuse),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
            for batch in reader:
                yield batch
                read += batch.num_rows
        except pa.ArrowException:
            if uneven:
                row = uneven[0]
                raise Mistake(
                    f"{self.path}: after {read} or more good rows there is one with {row.actual_columns} columns, "
                    f"and the first line has {row.expected_columns}",
                    "Mend the row, or put quotes around cells that hold the delimiter.",
                ) from None
            raise Mistake(
                f"{self.path} cannot be read as CSV after {read} rows", "Look for quotes that are not closed."
            ) from None


def open_input(path: Path) -> InputFile:
    """Look at a file and return how to read it.

    Raises:
        Mistake: it is missing, empty, not Parquet or CSV, in no known encoding, or has no usable header.
    """
    if path.is_dir():
        raise Mistake(
            f"{path} is a folder", "Name one file of it; the draft's path can be the folder, with / at its end."
        )
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except FileNotFoundError:
        raise Mistake(f"there is no file {path}") from None
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}") from None
    if not start:
        raise Mistake(f"{path} is empty", "A file needs a first line with the names of its columns.")
    if start.startswith(b"PAR1"):
        return _open_parquet(path)
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise Mistake(f"{path} is {what}", "Unpack it, or export it as Parquet or CSV.")
    return _open_csv(path)


def _open_parquet(path: Path) -> InputFile:
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        raise Mistake(f"{path} begins as a Parquet file but cannot be read as one", "Write it anew.") from None
    if not len(schema):
        raise Mistake(f"{path} has no columns")
    names = tuple(schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Mistake(f"{path} has {len(twice)} column name(s) more than once", "Write it anew with distinct names.")
    return InputFile(path, SourceKind.PARQUET, names, tuple(schema.types))


def _open_csv(path: Path) -> InputFile:
    encoding = _encoding(path)
    header, delimiter = _header(path, encoding)
    for number, name in enumerate(header, start=1):
        # not shown: if it is a value, it must not be
        if _VALUE_LIKE.fullmatch(name):
            raise Mistake(
                f"{path}: the first line has no name for column {number}, or it is a row of values",
                "Add a first line with the names of the columns.",
            )
    return InputFile(path, SourceKind.CSV, header, (pa.string(),) * len(header), encoding, delimiter)


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if wide else ["utf-8", "gb18030"]:
        try:
            _decode(path, encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise Mistake(f"{path} is text in no encoding that is known here", "Save it as UTF-8.")


def _decode(path: Path, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    quotes = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            text = decoder.decode(block)
            quotes += text.count('"')
            if "\x00" in text:
                raise Mistake(f"{path} is neither Parquet nor text", "Export it as Parquet or CSV.")
        decoder.decode(b"", final=True)
    if quotes % 2:
        # a reader would take all that follows for one cell, and say nothing
        raise Mistake(f"{path} has quotes that are not closed", 'Close them; inside a quoted cell, write " twice.')


def _header(path: Path, encoding: str) -> tuple[tuple[str, ...], str]:
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        start = stream.read(_HEADER_BYTES)
    first_line = re.sub(r'"[^"]*"', "", start).lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    try:
        header = next(
            row for row in csv.reader(io.StringIO(start, newline=""), delimiter=delimiter, strict=True) if row
        )
    except (StopIteration, csv.Error):
        raise Mistake(f"{path}: the first line cannot be read as the names of columns") from None
    return tuple(header), delimiter
