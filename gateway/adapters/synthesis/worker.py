"""The process that makes one extract: `python -m gateway.adapters.synthesis.worker FOLDER MEMORY SECONDS DISK`.

FOLDER holds the order and gets the rows and the report; it is the worker's own. MEMORY is how many bytes it may take
beyond what it holds once its libraries are there, SECONDS how much processor time, DISK how many bytes all files in
FOLDER may take, the order among them. Standard output tells progress, a
line `STEP DONE OF` at a time. Standard input is held open by the process that started it: when that ends, in whatever
way, the worker removes the folder, and then ends too. The exit code says how it went; it writes nothing else anywhere,
since a traceback may hold values.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import select
import shutil
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from gateway.adapters.synthesis.disk import bound_files, is_full
from gateway.adapters.synthesis.order_files import read_order
from gateway.model.synthesis import FileFormat
from gateway.synthesis.extract import fit, sample
from gateway.synthesis.quality import quality_of_rows
from gateway.synthesis.report import report

DONE, BROKEN, OUT_OF_MEMORY, OUT_OF_DISK = 0, 1, 77, 78
ROWS, REPORT = "rows", "report.json"

_ALONE = BROKEN | 0x80  # nobody reads what it tells: its parent is gone, or about to end it
_KINDNESS = 10
_ROW_GROUP = 131_072
_TRIES, _PAUSE = 100, 0.01  # of removing the folder, seconds between


def make(folder: Path, disk: int) -> None:
    """Make what the folder's order asks for: `rows` and `report.json`, in so many bytes with all that is there."""
    order = read_order(folder)
    _tell("fit", 0, 1)
    model = fit(order.columns, order.marginals, order.total)
    _tell("fit", 1, 1)
    rows = round(model.total) if order.rows is None else order.rows
    table = sample(model, rows, order.seed, lambda done, of: _tell("draw", done, of))
    _tell("write", 0, 1)
    file = folder / ROWS
    bound_files(folder, disk)
    if order.format is FileFormat.CSV:
        csv.write_csv(table, file)
    else:
        parquet.write_table(table, file, row_group_size=_ROW_GROUP, compression="zstd")
    with file.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    quality = quality_of_rows(table, order.columns, order.marginals)
    text = json.dumps(report(order, quality, table.num_rows, digest), ensure_ascii=False, indent=2)
    bound_files(folder, disk)
    (folder / REPORT).write_text(text + "\n", encoding="utf-8")
    _tell("write", 1, 1)


def main(folder: Path, memory: int, seconds: int, disk: int) -> int:
    """Bound the process, make the extract, and return the exit code; end with the parent, where that is gone."""
    orphaned = threading.Thread(target=_end_with_parent, args=(folder,), daemon=True)
    orphaned.start()
    code = _made(folder, memory, seconds, disk)
    # the parent's death breaks standard output as well: without a look here this would end before all is removed
    if code == _ALONE or select.select([0], [], [], 0)[0]:
        orphaned.join()
    return code


def _made(folder: Path, memory: int, seconds: int, disk: int) -> int:
    os.nice(_KINDNESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))
    try:
        make(folder, disk)
    except (MemoryError, pa.ArrowMemoryError):
        return OUT_OF_MEMORY
    except BrokenPipeError:
        return _ALONE
    except OSError as error:
        return OUT_OF_DISK if is_full(error) else BROKEN
    except Exception:
        return BROKEN
    return DONE


def _end_with_parent(folder: Path) -> None:
    while os.read(0, 4096):
        pass
    # the other thread may be writing a file at this moment, into the folder while it is there
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(_PAUSE)
    os._exit(BROKEN)


def _tell(step: str, done: int, of: int) -> None:
    print(step, done, of, flush=True)


if __name__ == "__main__":
    os._exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
