"""Benchmarks of kernels give figures of right results only, and compare with libraries in another Python."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bench import anonymity, pseudonyms
from bench.kernels import peak_bytes
from bench.peers import VARIABLE
from gateway.kernels.tokens import tokenize
from gateway.model.contract import CanonicalForm


def _quiet(text: str) -> None:
    assert text


def test_rates_are_compared_turn_by_turn() -> None:
    found = {name: [2.0, 4.0, 6.0] for name in (*pseudonyms._VALUES, "record")}
    found |= {"hmac": [1.0, 1.0, 2.0], "aessiv": [1.0, 2.0, 3.0], "cmac": [4.0, 4.0, 4.0]}
    figures = pseudonyms.figures(found, 10, 3)
    assert (figures["token_per_s"], figures["records_per_s"]) == (4, 4)
    assert (figures["token_vs_hmac"], figures["siv_vs_aessiv"], figures["irreversible_vs_cmac"]) == (3, 2, 1)
    assert "ff1_vs_fastfpe" not in figures


def test_memory_of_numpy_and_of_arrow_counts() -> None:
    assert 8_000_000 <= peak_bytes(lambda: np.ones(1_000_000)) < 8_500_000
    made = pa.array(np.arange(1_000_000))
    assert 8_000_000 <= peak_bytes(lambda: made.cast(pa.float64())) < 8_500_000


def test_people_are_different_and_their_ids_are_right() -> None:
    those = pseudonyms.people(5000)
    for column in (those.ids, those.phones, those.texts):
        assert column.null_count == 0 and len(column.unique()) == 5000
    lengths = np.array([len(text) for text in pseudonyms._values(those.texts)])
    assert (lengths.min(), lengths.max()) == (8, 40)
    tokens = tokenize(those.ids, CanonicalForm.RESIDENT_ID, pseudonyms._AES)
    assert all(token.startswith("b") for token in pseudonyms._values(tokens))


def test_a_kernel_with_other_results_than_its_baseline_has_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonyms, "_cmac", lambda ids: pa.array(["c"] * len(ids)))
    with pytest.raises(RuntimeError, match="baseline"):
        pseudonyms.run(50, 1, _quiet)


def test_rows_that_leave_otherwise_have_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anonymity, "_enforced", lambda table: [pa.array([True] * len(batch)) for batch, _ in table])
    with pytest.raises(RuntimeError, match="other rows"):
        anonymity.run(500, 1, _quiet)


def _library(folder: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> None:
    for name, text in modules.items():
        file = folder.joinpath(*name.split("__")).with_suffix(".py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv(VARIABLE, sys.executable)


def test_another_ff1_must_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _library(tmp_path, monkeypatch, fastfpe="class ff1:\n    encrypt = staticmethod(lambda *texts: texts[-1])\n")
    with pytest.raises(RuntimeError, match="FF1"):
        pseudonyms.run(50, 1, _quiet)


@pytest.mark.parametrize(("k", "agrees"), [(50, True), (49, False)], ids=["same", "other"])
def test_another_k_must_be_the_same(k: int, agrees: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_class = pa.record_batch({name: pa.array(["x"] * 50) for name in anonymity.QUASI_IDENTIFIERS})
    tags = np.arange(1, 101, dtype=np.uint64).tobytes()
    _library(tmp_path, monkeypatch, pycanon__anonymity=f"def k_anonymity(*_):\n    return {k}\n")
    with anonymity._pycanon([(one_class, tags)]) as timed:
        assert timed is not None
        if agrees:
            assert timed() >= 0
        else:
            with pytest.raises(RuntimeError, match="another k"):
                timed()


def test_a_python_without_the_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _library(tmp_path, monkeypatch, fastfpe="raise ImportError\n")
    with pytest.raises(RuntimeError, match="ended"):
        pseudonyms.run(50, 1, _quiet)
