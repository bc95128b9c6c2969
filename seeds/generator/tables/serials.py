"""Row numbers of the departments' records: a prefix and ten digits, distinct across chunks."""

import pyarrow as pa

from seeds.generator.columns import Ints, number_column

_PER_CHUNK = 1_000_000
_CANARIES = 9_900_000_000


def serials(prefix: str, chunk: int, rows: Ints) -> pa.StringArray:
    """Numbers for rows 0, 1, ... of one chunk (below a million each)."""
    return number_column(chunk * _PER_CHUNK + rows, 10, prefix)


def canary_serial(prefix: str, canary: int, row: int) -> str:
    """The number of a canary's row: beyond those of any chunk."""
    return f"{prefix}{_CANARIES + canary * 100 + row:010d}"
