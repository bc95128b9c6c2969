"""Tokens of every kind from a key file, in this process or in one of its own.

As a program it takes the key file's path, reads requests from standard input, one JSON object a line, and answers each
with a line.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from gateway.adapters.keys.ring import FileKeyRing
from gateway.kernels.ciphers import first_cipher
from gateway.kernels.tokens import detokenize, irreversible, tokenize
from gateway.kernels.tokens.format_preserving import CHECKED, preserve
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.treatment import CheckDigit
from gateway.ports import KeyRing, KeyUse
from gateway.stages.domain_keys import token_keys

ROOT = Path(__file__).parents[2]
SECRET = b"correct horse battery staple"

Texts = list[str | None]


class Kind(StrEnum):
    """What is made of a column, or back into one."""

    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"
    FORMAT = "format"
    NEVER = "never"
    BACK = "back"


@dataclass(frozen=True)
class Work:
    """A column of a domain, and the rows of each batch that it is cut into."""

    kind: Kind
    form: CanonicalForm
    recipient: str
    purpose: str
    epoch: str
    column: Sequence[str | None]
    rows: int

    def done(self, keys: KeyRing) -> Texts:
        """Return what becomes of the column; NULL for what has no format to preserve."""
        starts = range(0, len(self.column), self.rows)
        return [one for start in starts for one in self._batch(keys, self.column[start : start + self.rows])]

    def _batch(self, keys: KeyRing, values: Sequence[str | None]) -> Texts:
        batch, form = pa.array(values, pa.string()), self.form
        domain = PseudonymDomain(self.recipient, self.purpose, self.epoch)
        match self.kind:
            case Kind.REVERSIBLE:
                made = tokenize(batch, form, token_keys(keys, domain, form))
            case Kind.BACK:
                made = detokenize(batch, form, token_keys(keys, domain, form))
            case Kind.IRREVERSIBLE:
                key = keys.working_key(domain, KeyUse.TOKEN_IRREVERSIBLE, form.value)
                made = irreversible(batch, form, keys.suite, key)
            case Kind.FORMAT | Kind.NEVER:
                key = keys.working_key(domain, KeyUse.TOKEN_FORMAT, form.value)
                check = CheckDigit.VALID if self.kind is Kind.FORMAT else CheckDigit.NEVER
                cipher = first_cipher(keys.suite, key)
                made, _ = preserve(batch, form, check if form in CHECKED else None, cipher)
        texts: Texts = made.to_pylist()
        return texts


@dataclass(frozen=True)
class Elsewhere:
    """A process of its own, which has opened a key file."""

    process: subprocess.Popen[str]

    def done(self, work: Work) -> Texts:
        """Return what becomes of the column over there."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(asdict(work)) + "\n")
        texts: Texts = json.loads(self.process.stdout.readline())
        return texts


@contextmanager
def elsewhere(path: Path) -> Iterator[Elsewhere]:
    """Start a process; at the end of the block it is killed, as a power cut would."""
    command = [sys.executable, "-m", "tests.properties.tokenizer", str(path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", bufsize=1)
    try:
        yield Elsewhere(process)
    finally:
        process.kill()
        process.communicate(timeout=30)


def main(path: Path) -> None:
    """Answer until standard input ends."""
    keys = FileKeyRing.open(path, SECRET)
    for line in sys.stdin:
        asked = json.loads(line)
        work = Work(**{**asked, "kind": Kind(asked["kind"]), "form": CanonicalForm(asked["form"])})
        print(json.dumps(work.done(keys)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
