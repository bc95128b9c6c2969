"""`pseudonyms`: tokens and a whole record by the column, next to one call for each value. Arrow in, Arrow out."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.cmac import CMAC

from bench import peers
from bench.benchmark import Benchmark, Say
from bench.kernels import BATCH_ROWS, compared, cpu_of, load, peak_bytes, rates
from bench.measure import Json, interleave, significant, spread
from gateway.kernels.ciphers import cipher
from gateway.kernels.generalize import generalize_age, generalize_date, generalize_number, generalize_step
from gateway.kernels.perturb import DiscreteLaplace
from gateway.kernels.text import Column, as_text
from gateway.kernels.tokens import TokenKeys, detokenize, irreversible, subject_tags, tokenize
from gateway.kernels.tokens.format_preserving import preserve
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite
from gateway.model.treatment import CheckDigit, Precision
from seeds.generator.identity import AREAS, Registrar
from seeds.generator.skew import TODAY_NUMBER

SAMPLE = 20_000
"""Values that the slowest baselines are given: a call for each value costs the same however many there are."""

_RESIDENT_ID, _PHONE, _TEXT = CanonicalForm.RESIDENT_ID, CanonicalForm.PHONE, CanonicalForm.TEXT
_KEY, _OTHER_KEY = bytes(range(64)), bytes(range(64, 128))
_AES = TokenKeys(CipherSuite.AES, _KEY, _OTHER_KEY)
_SM4 = TokenKeys(CipherSuite.SM4, _KEY, _OTHER_KEY)
_ON = date(2026, 11, 22)
_ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz.-@", np.uint8)
_VALUES = ("token", "sm4", "detokenize", "siv", "siv_of_ids", "irreversible", "ff1", "noise")
_PEERS = (("token", "hmac"), ("sm4", "hmac"), ("siv", "aessiv"), ("irreversible", "cmac"), ("ff1", "fastfpe"))


@dataclass(frozen=True, slots=True)
class People:
    """Columns of as many different people. `texts` are different ASCII strings of 8 to 40 characters."""

    ids: pa.StringArray
    phones: pa.StringArray
    births: Column
    eastings: Column
    amounts: Column
    texts: pa.StringArray


def people(rows: int, seed: int = 7) -> People:
    """Make them."""
    rng = np.random.default_rng(seed)
    days = TODAY_NUMBER - 1 - rng.integers(0, 36_500, rows)
    ids = Registrar().issue(rng.integers(0, len(AREAS), rows), days, rng.random(rows) < 0.5)
    numbers = 13_000_000_000 + rng.permutation(rows)
    lengths = rng.integers(0, 33, rows)
    tails = _ALPHABET[rng.integers(0, len(_ALPHABET), (rows, 32))].view("S32").ravel().tolist()
    texts = [
        f"{number:08x}{tail[:length].decode()}"
        for number, (tail, length) in enumerate(zip(tails, lengths, strict=True))
    ]
    return People(
        ids=ids,
        phones=as_text(pa.array(numbers).cast(pa.string())),
        births=pa.array(days.astype(np.int32)).cast(pa.date32()),
        eastings=pa.array(rng.uniform(118.0, 123.0, rows)),
        amounts=pa.array(rng.integers(0, 100_000, rows)),
        texts=pa.array(texts, pa.string()),
    )


def record(those: People) -> pa.RecordBatch:
    """Treat records as a contract would: two tokens, birth year, band of age, step of a grid, amount top-coded."""
    columns = {
        "resident": tokenize(those.ids, _RESIDENT_ID, _AES),
        "phone": tokenize(those.phones, _PHONE, _AES),
        "birth": generalize_date(those.births, Precision.YEAR),
        "age": generalize_age(those.births, _ON, 5, 90),
        "easting": generalize_step(those.eastings, "0.01", None),
        "amount": generalize_number(those.amounts, 100, 50_000),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure all arms in turns."""
    say(f"making {rows:,} people")
    those = people(rows)
    sample = min(rows, SAMPLE)
    tokens = tokenize(those.ids, _RESIDENT_ID, _AES)
    tags = subject_tags(those.ids, _RESIDENT_ID, _KEY)
    batches = [_slice(those, start, BATCH_ROWS) for start in range(0, rows, BATCH_ROWS)]

    laplace = DiscreteLaplace(0, 100_000, epsilon=Fraction(1), occasion="amount", key=_KEY, suite=CipherSuite.AES)

    arms: dict[str, tuple[int, Callable[[], float]]] = {
        "hmac": (rows, cpu_of(lambda: _hmac(those.ids))),
        "token": (rows, cpu_of(lambda: tokenize(those.ids, _RESIDENT_ID, _AES))),
        "sm4": (rows, cpu_of(lambda: tokenize(those.ids, _RESIDENT_ID, _SM4))),
        "detokenize": (rows, cpu_of(lambda: detokenize(tokens, _RESIDENT_ID, _AES))),
        "siv": (rows, cpu_of(lambda: tokenize(those.texts, _TEXT, _AES))),
        "siv_of_ids": (rows, cpu_of(lambda: tokenize(those.ids, _TEXT, _AES))),
        "aessiv": (sample, cpu_of(lambda: _aessiv(those.texts[:sample]))),
        "irreversible": (rows, cpu_of(lambda: irreversible(those.ids, _RESIDENT_ID, CipherSuite.AES, _KEY))),
        "cmac": (sample, cpu_of(lambda: _cmac(those.ids[:sample]))),
        "ff1": (rows, cpu_of(lambda: _ff1(those.ids))),
        "record": (rows, cpu_of(lambda: [record(batch) for batch in batches])),
        "noise": (rows, cpu_of(lambda: laplace.answer(those.amounts, tags))),
    }
    with _fastfpe(those.ids[:sample]) as fastfpe:
        if fastfpe is not None:
            arms["fastfpe"] = (sample, fastfpe)
        say("warming up, and comparing the results with those of the baselines")
        _compare(those, tokens, sample)
        for _, arm in arms.values():
            arm()
        say(f"running {len(arms)} arms in turns, {runs} times each")
        measured = interleave({name: arm for name, (_, arm) in arms.items()}, runs)
    found = {name: rates(size, measured[name]) for name, (size, _) in arms.items()}
    return figures(found, rows, runs) | {
        "load": load(),
        "peak_bytes_per_row": {
            "token": _peak(lambda: tokenize(batches[0].ids, _RESIDENT_ID, _AES), len(batches[0].ids)),
            "record": _peak(lambda: record(batches[0]), len(batches[0].ids)),
        },
    }


def figures(found: Mapping[str, list[float]], rows: int, runs: int) -> dict[str, Json]:
    """Return the figures of the rates of interleaved runs."""
    over = {f"{one}_vs_{other}": compared(found[one], found[other]) for one, other in _PEERS if other in found}
    return {
        **{f"{name}_per_s": round(spread(found[name]).median) for name in _VALUES},
        "records_per_s": round(spread(found["record"]).median),
        **{name: significant(_median(ratio), 3) for name, ratio in over.items()},
        "rows": rows,
        "runs": runs,
        "spread": {**{f"{name}_per_s": spread(runs_).json() for name, runs_ in found.items()}, **over},
    }


def _median(ratio: Mapping[str, Json]) -> float:
    median = ratio["median"]
    assert isinstance(median, float)
    return median


def _peak(work: Callable[[], object], rows: int) -> float:
    return significant(peak_bytes(work) / rows, 3)


def _slice(those: People, start: int, rows: int) -> People:
    return People(*(getattr(those, name).slice(start, rows) for name in People.__slots__))


def _values(column: pa.StringArray) -> list[str]:
    return cast("list[str]", column.to_pylist())  # none of them is NULL


def _ff1(ids: pa.StringArray) -> pa.StringArray:
    return preserve(ids, _RESIDENT_ID, CheckDigit.VALID, cipher(CipherSuite.AES, _KEY[:32]))[0]


def _hmac(ids: pa.StringArray) -> pa.StringArray:
    return pa.array([hmac.digest(_KEY, text.encode(), "sha256").hex() for text in _values(ids)], pa.string())


def _aessiv(texts: pa.StringArray) -> pa.StringArray:
    engine = AESSIV(_OTHER_KEY)
    form = [_TEXT.value.encode()]
    return pa.array(["s" + engine.encrypt(text.encode(), form).hex() for text in _values(texts)], pa.string())


def _cmac(ids: pa.StringArray) -> pa.StringArray:
    keyed = CMAC(algorithms.AES(_KEY[:32]))
    codes = []
    for text in _values(ids):
        one = keyed.copy()
        one.update(text.encode())
        codes.append("c" + one.finalize().hex())
    return pa.array(codes, pa.string())


def _compare(those: People, tokens: pa.StringArray, sample: int) -> None:
    """Let only figures of right results be taken."""
    ids, texts = those.ids[:sample], those.texts[:sample]
    if not (
        detokenize(tokens, _RESIDENT_ID, _AES).equals(those.ids)
        and tokenize(texts, _TEXT, _AES).equals(_aessiv(texts))
        and irreversible(ids, _RESIDENT_ID, CipherSuite.AES, _KEY).equals(_cmac(ids))
    ):
        raise RuntimeError("a kernel and its baseline have other results")


@contextmanager
def _fastfpe(ids: pa.StringArray) -> Iterator[Callable[[], float] | None]:
    python = peers.interpreter()
    if python is None:
        yield None
        return
    ours = peers.digest([token[:17] for token in _values(_ff1(ids))])
    with TemporaryDirectory() as folder:
        file = Path(folder) / "values.csv"
        lines = [f"{_KEY[:32].hex()},{_RESIDENT_ID.value.encode().hex()}", *(text[:17] for text in _values(ids))]
        file.write_text("\n".join(lines), encoding="ascii")
        with peers.peer(python, "ff1", file) as run_peer:

            def timed() -> float:
                result = run_peer()
                if result.result != ours:
                    raise RuntimeError("the two FF1 have other results")
                return result.cpu

            yield timed


PSEUDONYMS = Benchmark(
    name="pseudonyms",
    about="tokens/s and records/s of the kernels, next to one call for each value",
    rows=1_000_000,
    runs=5,
    run=run,
    quick=(300_000, 3),
)
