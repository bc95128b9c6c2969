"""Canonical forms: one subject, one text; two malformed values never one."""

from datetime import date, datetime

import pyarrow as pa
import pytest

from gateway.kernels.canonical import canonicalize
from gateway.model.contract import CanonicalForm


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("11010519491231002X", "11010519491231002X"),
        ("11010519491231002x", "11010519491231002X"),
        (" 110105 19491231 002x\t", "11010519491231002X"),
        ("110105-1949-1231-002x", "11010519491231002X"),
        ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
        ("110105\u200b19491231\u20130021", "110105194912310021"),
        ("110105 491231 002", "110105491231002"),
        ("110105-49", "110105-49"),
        ("x110105194912310021", "x110105194912310021"),
        ("", ""),
        (None, None),
    ],
)
def test_resident_ids(written: str | None, canonical: str | None) -> None:
    assert canonicalize(pa.array([written], pa.string()), CanonicalForm.RESIDENT_ID).to_pylist() == [canonical]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("13800138000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("86 13800138000", "13800138000"),
        ("0086 138 0013 8000", "13800138000"),
        ("(138) 0013.8000", "13800138000"),
        ("＋８６１３８００１３８０００", "13800138000"),
        ("86123456789", "86123456789"),
        ("+1 234 567 8901", "+1 234 567 8901"),
        ("0571-8888 8888", "0571-8888 8888"),
        (None, None),
    ],
)
def test_phones(written: str | None, canonical: str | None) -> None:
    assert canonicalize(pa.array([written], pa.string()), CanonicalForm.PHONE).to_pylist() == [canonical]


def test_text_is_nfkc() -> None:
    values = pa.array(["ﬁrm", "Ａ 1", "e\u0301", "plain", None])
    assert canonicalize(values, CanonicalForm.TEXT).to_pylist() == ["firm", "A 1", "é", "plain", None]


def test_numbers_and_dates_go_by_their_text() -> None:
    assert canonicalize(pa.array([13800138000, None]), CanonicalForm.PHONE).to_pylist() == ["13800138000", None]
    assert canonicalize(pa.array([-5]), CanonicalForm.TEXT).to_pylist() == ["-5"]
    assert canonicalize(pa.array([date(2020, 1, 2)]), CanonicalForm.TEXT).to_pylist() == ["2020-01-02"]
    moment = pa.array([datetime(2020, 1, 2, 3, 4, 5, 6)], pa.timestamp("us"))
    assert canonicalize(moment, CanonicalForm.TEXT).to_pylist() == ["2020-01-02 03:04:05.000006"]


def test_floats_and_truth_values_are_no_identifiers() -> None:
    for array in (pa.array([1.5]), pa.array([True])):
        with pytest.raises(TypeError):
            canonicalize(array, CanonicalForm.TEXT)
