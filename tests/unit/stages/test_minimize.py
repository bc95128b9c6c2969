"""The order in which rows leave joins nothing: not two recipients' extracts, nor a row to where it stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from gateway.adapters.keys.ring import FileKeyRing
from gateway.kernels.tokens import TAG_BYTES, TokenKeys, detokenize, subject_tags
from gateway.model.contract import CanonicalForm
from gateway.model.statistics import StatisticsQuery
from gateway.model.treatment import Keep, Pseudonymize, Treatment
from gateway.ports import AUDIT_DOMAIN, KeyUse
from gateway.stages.blend import blend
from gateway.stages.minimize import minimize
from gateway.stages.pseudonymize import pseudonymize
from gateway.tables import AdmittedPermit, RawTable, Segment
from tests.unit.privacy.example import permit_for

SIZES = (4_000, 1_500, 1, 0)
ROWS = sum(SIZES)
SUBJECTS = [f"subject {row // 3}" for row in range(ROWS)]  # three rows of each, next to each other


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> FileKeyRing:
    return FileKeyRing.create(tmp_path_factory.mktemp("keys") / "keys.json", b"secret", 2**15)


def _extract(recipient: str, keys: FileKeyRing) -> list[Segment]:
    """What leaves for a recipient: a token, and an amount that tells which row of the source this was."""
    fields: dict[str, Treatment] = {"resident_id": Pseudonymize(), "amount": Keep()}
    permit = permit_for(StatisticsQuery((), (), ()), institution=recipient)
    permit = replace(permit, scope=replace(permit.scope, fields=fields))
    source = pa.record_batch({"resident_id": SUBJECTS, "amount": range(ROWS), "wage": range(ROWS)})
    starts = np.cumsum((0, *SIZES))
    segments = (
        Segment(source.slice(start, size), b"", pa.array([row % 5 for row in range(start, start + size)], pa.int32()))
        for start, size in zip(starts.tolist(), SIZES, strict=False)
    )
    raw = RawTable._open(AdmittedPermit._admit(permit), "v", source.schema, segments, frozenset())
    minimal = minimize(raw, keys)
    return list(pseudonymize(blend(minimal, lambda: minimal), keys).take())


def _order(segment: Segment) -> list[int]:
    order: list[int] = segment.records.column("amount").to_numpy().tolist()
    return order


def _correlation(one: Sequence[int], other: Sequence[int]) -> float:
    """Between the places of the same rows, in standard deviations of what two independent orders have."""
    places, others = np.argsort(one), np.argsort(other)
    return float(np.corrcoef(places, others)[0, 1] * np.sqrt(len(one) - 1))


def test_extracts_of_two_recipients_do_not_align(keys: FileKeyRing) -> None:
    for one, other in zip(_extract("police", keys)[:2], _extract("hospital", keys)[:2], strict=True):
        orders = _order(one), _order(other)
        assert sorted(orders[0]) == sorted(orders[1])
        stood = sorted(orders[0])
        # six deviations: once in 10^9 runs
        assert max(abs(_correlation(*pair)) for pair in (orders, (stood, orders[0]), (stood, orders[1]))) < 6
        # two independent orders have one row in the same place on average; 20 once in 10^18 runs
        assert sum(first == second for first, second in zip(*orders, strict=True)) < 20


def test_the_same_recipient_gets_another_order_each_time(keys: FileKeyRing) -> None:
    first, again = _extract("police", keys)[0], _extract("police", keys)[0]
    tokens = (Counter(segment.records.column("resident_id").to_pylist()) for segment in (first, again))
    assert next(tokens) == next(tokens)
    assert abs(_correlation(_order(first), _order(again))) < 6


def test_rows_of_one_person_are_no_longer_neighbours(keys: FileKeyRing) -> None:
    segment = _extract("police", keys)[0]
    tokens = segment.records.column("resident_id").to_pylist()
    # two thirds in the file; 2 of 4,000 on average among shuffled rows
    assert sum(one == next_ for one, next_ in pairwise(tokens)) < 25


def test_tokens_tags_slots_and_values_stay_those_of_their_row(keys: FileKeyRing) -> None:
    domain = permit_for(StatisticsQuery((), (), ()), institution="police").domain
    block, siv = (keys.working_key(domain, use, "text") for use in (KeyUse.TOKEN_BLOCK, KeyUse.TOKEN_SIV))
    manifest = keys.working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, "resident/text")
    start = 0
    for segment, size in zip(_extract("police", keys), SIZES, strict=True):
        order = _order(segment)
        assert sorted(order) == list(range(start, start + size))
        subjects = pa.array([SUBJECTS[row] for row in order], pa.string())
        assert segment.records.schema.names == ["resident_id", "amount"]
        tokens = segment.records.column("resident_id")
        assert detokenize(tokens, CanonicalForm.TEXT, TokenKeys(keys.suite, block, siv)).equals(subjects)
        assert len(segment.tags) == TAG_BYTES * size
        assert segment.tags == subject_tags(subjects, CanonicalForm.TEXT, manifest)
        assert segment.slots is not None and segment.slots.to_pylist() == [row % 5 for row in order]
        start += size
