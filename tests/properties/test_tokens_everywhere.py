"""A value has one token of a domain: in every process that has the key file, after every restart, in whatever batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.keys.ring import FileKeyRing
from gateway.kernels.canonical import canonicalize
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite
from tests.properties.test_kernels_tokens import values
from tests.properties.tokenizer import SECRET, Elsewhere, Kind, Texts, Work, elsewhere

DOMAINS = (
    ("police", "epidemic-tracing", ""),
    ("police", "epidemic-tracing", "2026-11-22"),
    ("hztax", "subsidy-check", "2026"),
    ("police/epidemic", "-tracing", ""),
)


@dataclass(frozen=True)
class Places:
    """A key file, a ring that made it, and a process that opened it."""

    path: Path
    keys: FileKeyRing
    process: Elsewhere

    def everywhere(self, work: Work, rows: int, anew: FileKeyRing) -> list[Texts]:
        """What becomes of a column here, in the other process in other batches, and under a ring opened anew."""
        return [work.done(self.keys), self.process.done(replace(work, rows=rows)), work.done(anew)]

    def opened_anew(self) -> FileKeyRing:
        """The key file as a process finds it that starts now."""
        return FileKeyRing.open(self.path, SECRET)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[CipherSuite, Places]]:
    held: dict[CipherSuite, Places] = {}
    folder = tmp_path_factory.mktemp("keys")
    rings = {suite: FileKeyRing.create(folder / f"{suite}.json", SECRET, 2**15, suite) for suite in CipherSuite}
    with elsewhere(folder / "aes.json") as first, elsewhere(folder / "sm4.json") as second:
        for suite, process in ((CipherSuite.AES, first), (CipherSuite.SM4, second)):
            held[suite] = Places(folder / f"{suite}.json", rings[suite], process)
        yield held


def differing(answers: list[Texts]) -> int:
    """How many rows are not alike in all answers."""
    return sum(len(set(row)) > 1 for row in zip(*answers, strict=True))


@st.composite
def works(draw: st.DrawFn) -> Work:
    form = draw(st.sampled_from(CanonicalForm))
    kinds = [Kind.REVERSIBLE, Kind.IRREVERSIBLE, *([Kind.FORMAT, Kind.NEVER] if form is not CanonicalForm.TEXT else [])]
    column = draw(st.lists(values, max_size=25))
    return Work(draw(st.sampled_from(kinds)), form, *draw(st.sampled_from(DOMAINS)), column, draw(st.integers(1, 30)))


@given(work=works(), suite=st.sampled_from(CipherSuite), rows=st.integers(1, 30))
def test_processes_restarts_and_batches_play_no_part(
    places: Mapping[CipherSuite, Places], work: Work, suite: CipherSuite, rows: int
) -> None:
    anew = places[suite].opened_anew()
    answers = places[suite].everywhere(work, rows, anew)
    assert differing(answers) == 0
    if work.kind is Kind.REVERSIBLE:
        # what one process made another one reads, and what it reads is the canonical value
        back = places[suite].everywhere(replace(work, kind=Kind.BACK, column=answers[0]), rows, anew)
        assert differing(back) == 0
        assert back[0] == canonicalize(pa.array(work.column, pa.string()), work.form).to_pylist()


@given(work=works(), suite=st.sampled_from(CipherSuite))
def test_equal_values_alone_have_equal_tokens(
    places: Mapping[CipherSuite, Places], work: Work, suite: CipherSuite
) -> None:
    tokens = places[suite].process.done(work)
    canonical = canonicalize(pa.array(work.column, pa.string()), work.form).to_pylist()
    pairs = {pair for pair in zip(canonical, tokens, strict=True) if pair[1] is not None}
    assert len(pairs) == len({value for value, _ in pairs}) == len({token for _, token in pairs})


@pytest.mark.parametrize("suite", CipherSuite)
def test_what_a_process_made_before_it_was_killed_stays(tmp_path: Path, suite: CipherSuite) -> None:
    path = tmp_path / "keys.json"
    FileKeyRing.create(path, SECRET, 2**15, suite)
    column = [f"138{number:08d}" for number in range(3000)] + [None, "x", "１３８ 0000-0000"]
    work = Work(Kind.REVERSIBLE, CanonicalForm.PHONE, "new", "domain", "2026-11", column, 1000)
    kinds = [kind for kind in Kind if kind is not Kind.BACK]
    with elsewhere(path) as process:  # the first to ask for the domain: it makes the secret
        before = {kind: process.done(replace(work, kind=kind)) for kind in kinds}
    with elsewhere(path) as process:
        for kind in kinds:
            assert differing([before[kind], process.done(replace(work, kind=kind, rows=7))]) == 0
    assert before[Kind.REVERSIBLE][0] == before[Kind.REVERSIBLE][-1], "it is the same number"
    assert len(set(before[Kind.REVERSIBLE])) == len(column) - 1


def test_processes_of_two_key_files_are_found(tmp_path: Path, places: Mapping[CipherSuite, Places]) -> None:
    other = FileKeyRing.create(tmp_path / "keys.json", SECRET, 2**15)
    column = [f"138{number:08d}" for number in range(100)]
    for kind in (Kind.REVERSIBLE, Kind.IRREVERSIBLE, Kind.FORMAT):
        work = Work(kind, CanonicalForm.PHONE, *DOMAINS[0], column, 10)
        here = places[CipherSuite.AES].process.done(work)
        assert differing([here, work.done(other)]) >= 99
