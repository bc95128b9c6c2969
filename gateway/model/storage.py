"""Where the rows of a dataset are held, as its contract says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath


class SourceKind(StrEnum):
    """In what rows are held. Of a kind of source there is one engine."""

    PARQUET = "parquet"
    CSV = "csv"
    POSTGRES = "postgres"
    SPARK = "spark"
    GRPC = "grpc"


FILES = (SourceKind.PARQUET, SourceKind.CSV)
"""The formats the embedded source reads."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table of a database, by its exact names. `server` names the connection in the gateway's settings.

    Host and port are what the contract says of it; the gateway connects to no other.
    """

    server: str
    host: str
    port: int
    database: str
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where the rows are: a path relative to the data folder of the deployment, a table of a database, a path in a lake
    that Spark reads, or a department's own service, whose full name is then the path.

    A path that ends in "/" is a folder's: the rows are in its files. `lake` names the lake in the gateway's settings.
    """

    kind: SourceKind
    path: str
    table: TableSpec | None = None
    lake: str = ""

    @property
    def engine(self) -> str:
        """What reads them. Rows are joined by one engine, which reads both datasets."""
        if self.table is not None:
            return f"{self.kind} {self.table.server}"
        if self.lake:
            return f"{self.kind} {self.lake}"
        return "files" if self.kind in FILES else str(self.kind)

    @property
    def is_folder(self) -> bool:
        """Whether the rows are in all files of a folder, and of those in it."""
        return self.path.endswith("/")

    def overlaps(self, other: SourceSpec) -> bool:
        """Tell whether some rows may be in both."""
        if self.table is not None or other.table is not None:
            return self.table == other.table
        if self.lake != other.lake:
            return False
        one, two = PurePosixPath(self.path), PurePosixPath(other.path)
        return one == two or (self.is_folder and one in two.parents) or (other.is_folder and two in one.parents)
