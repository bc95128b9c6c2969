"""Folders of the lake that tests write."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.integration.source.reference import Row

COLUMNS = ("subject", "region", "amount", "category", "score", "consent", "ratio", "day", "moment")
_NUMBERS = count()


class Files:
    """Writes as a department does: what is new has a name of its own."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.folder, self.schema = folder, schema

    def fill(self, name: str, rows: Sequence[Row], files: int = 2) -> None:
        """Put these rows in the place of all others, in so many files."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.parquet"):
            old.unlink()
        names = [one for one in self.schema.names if not rows or one in rows[0]]
        schema = pa.schema([self.schema.field(one) for one in names])
        number = next(_NUMBERS)
        for place in range(files):
            # each larger than those before it: Spark by itself would take the largest first
            first, end = (len(rows) * edge**2 // files**2 for edge in (place, place + 1))
            table = pa.Table.from_pylist(list(rows[first:end]), schema)
            pq.write_table(table, folder / f"part-{number:05}-{place}.parquet", row_group_size=4)
