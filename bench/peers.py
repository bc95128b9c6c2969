"""Other libraries at the same work, in a Python of their own: they pin what the gateway has newer.

`BENCH_PEERS` names the interpreter, of an environment with `fastfpe` and `pycanon`; without it nothing is compared to
them. Run as a script by that interpreter this file is the other end: it imports nothing of the project.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

VARIABLE = "BENCH_PEERS"
_READY = "ready"


@dataclass(frozen=True, slots=True)
class PeerRun:
    """Seconds of the peer's processor time for one pass over the sample, and what came out."""

    cpu: float
    result: Any


def interpreter() -> str | None:
    """The Python that has the peers, or None."""
    return os.environ.get(VARIABLE) or None


@contextmanager
def peer(python: str, work: str, file: Path, script: str = __file__) -> Iterator[Callable[[], PeerRun]]:
    """Start a peer that has read its sample; each call is one pass. `script` is its other end, as this file is one.

    Raises:
        RuntimeError: if the peer ends, for one because its library is not there.
    """
    with subprocess.Popen(
        [python, script, work, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def line() -> str:
            answer = answers.readline()
            if not answer:
                raise RuntimeError(f"the peer for {work} ended")
            return answer

        def run() -> PeerRun:
            asked.write("\n")
            asked.flush()
            return PeerRun(**json.loads(line()))

        try:
            while line().strip() != _READY:
                pass
            yield run
        finally:
            process.kill()


def _ff1(file: Path) -> Callable[[], object]:
    """The first line is key and tweak in hexadecimal, the others are strings of digits; the result is their digest."""
    ff1 = import_module("fastfpe").ff1  # only the peer's Python has it
    (key, tweak), *rows = csv.reader(file.read_text(encoding="ascii").splitlines())
    values = [value for (value,) in rows]

    def run() -> list[str]:
        return [ff1.encrypt(key, tweak, "0123456789", value) for value in values]

    return run


def _anonymity(file: Path) -> Callable[[], object]:
    """A CSV whose columns are all quasi-identifiers; the result is k."""
    pandas, anonymity = import_module("pandas"), import_module("pycanon.anonymity")  # only the peer's Python has them
    table = pandas.read_csv(file)
    columns = list(table.columns)
    return lambda: int(anonymity.k_anonymity(table, columns))


WORKS: dict[str, Callable[[Path], Callable[[], object]]] = {"ff1": _ff1, "anonymity": _anonymity}


def digest(values: list[str]) -> str:
    """What two long results are compared by."""
    return hashlib.sha256("\n".join(values).encode()).hexdigest()


def _answer(work: str, file: Path) -> None:
    run = WORKS[work](file)
    print(_READY, flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        result = run()
        cpu = time.process_time() - start
        print(json.dumps({"cpu": cpu, "result": digest(result) if isinstance(result, list) else result}), flush=True)


if __name__ == "__main__":
    _answer(sys.argv[1], Path(sys.argv[2]))
