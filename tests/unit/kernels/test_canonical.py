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
        ("110105 491231 002", "11010519491231002X"),
        ("１１０１０５４９１２３１００２", "11010519491231002X"),
        ("34052480010100", "34052480010100"),
        ("340524800101001", "34052419800101001X"),
        ("34052480010100X", "34052480010100X"),
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


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("浙A12345", "浙A12345"),
        ("浙A·D1234挂", "浙A·D1234挂"),
        ("浙a12345", "浙A12345"),
        ("浙A-12345", "浙A12345"),
        ("浙a·d12345", "浙AD12345"),
        ("浙A・12345", "浙A12345"),
        ("浙A･12345", "浙A12345"),
        (" 沪 A\u200b-12 34 5\t", "沪A12345"),
        ("京Ａ•８８Ｘ８８", "京A88X88"),
        ("粤B.F12345", "粤BF12345"),
        ("浙A1234", "浙A1234"),
        ("浙A1234567", "浙A1234567"),
        ("浙A 1234O", "浙A 1234O"),
        ("浙A-1234I", "浙A-1234I"),
        ("浙I-12345", "浙I-12345"),
        ("使A-12345", "使A-12345"),
        ("A·12345", "A·12345"),
        ("", ""),
        (None, None),
    ],
)
def test_plates(written: str | None, canonical: str | None) -> None:
    assert canonicalize(pa.array([written], pa.string()), CanonicalForm.PLATE).to_pylist() == [canonical]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("91350100M000100Y43", "91350100M000100Y43"),
        ("91350100m000100y43", "91350100M000100Y43"),
        (" 9135 0100-M000 100Y-43\u3000", "91350100M000100Y43"),
        ("９１３５０１００Ｍ０００１００Ｙ４３", "91350100M000100Y43"),
        ("91350100M000100Y44", "91350100M000100Y44"),
        ("91350100-M000100Y4", "91350100-M000100Y4"),
        ("91350100-M000100Y43X", "91350100-M000100Y43X"),
        ("9135 0100M000100I43", "9135 0100M000100I43"),
        ("330100000012345", "330100000012345"),
        (None, None),
    ],
)
def test_firm_codes(written: str | None, canonical: str | None) -> None:
    assert canonicalize(pa.array([written], pa.string()), CanonicalForm.FIRM_CODE).to_pylist() == [canonical]


@pytest.mark.parametrize("form", CanonicalForm)
def test_a_column_in_canonical_form_is_given_back_as_it_is(form: CanonicalForm) -> None:
    columns: dict[CanonicalForm, list[str | None]] = {
        CanonicalForm.RESIDENT_ID: ["11010519491231002X", None, "110105194912310021"],
        CanonicalForm.PHONE: ["13800138000", None],
        CanonicalForm.PLATE: ["浙A12345", None, "浙AD12345", "沪A12345"],
        CanonicalForm.FIRM_CODE: ["91350100M000100Y43", None],
        CanonicalForm.TEXT: ["plain", None],
    }
    array = pa.array([None, *columns[form], None], pa.string())[1:-1]
    assert canonicalize(array, form) is array


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (
            CanonicalForm.PLATE,
            ["浙A12345", "浙A1234O", "浙a12345", "ab浙A1234", "浙浙A123", "浙A12浙4", "1234567890", "àA123456"],
        ),
        (CanonicalForm.FIRM_CODE, ["91350100M000100Y43", "91350100M000100I43", "91350100m000100y43", "世世世世世世"]),
    ],
)
def test_neighbours_play_no_part(form: CanonicalForm, values: list[str]) -> None:
    alone = [canonicalize(pa.array([value]), form).to_pylist()[0] for value in values]
    assert canonicalize(pa.array(values), form).to_pylist() == alone
    assert canonicalize(pa.array(alone), form).to_pylist() == alone


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
