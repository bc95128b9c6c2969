"""What contracts say of treatments: each form read, and nothing taken that a kernel would refuse when serving."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from gateway.kernels.anonymity.census import Demand
from gateway.kernels.generalize import generalize_age, generalize_geohash, generalize_number, generalize_step
from gateway.kernels.perturb import laplace_table, response_table
from gateway.model.contract import AnonymitySpec, Bounds, CanonicalForm, Classification, FieldSpec
from gateway.model.pseudonym import Renewal
from gateway.model.treatment import (
    CheckDigit,
    GeneralizeAddress,
    GeneralizeAge,
    GeneralizeDate,
    GeneralizeGeohash,
    GeneralizeNumber,
    GeneralizeRegion,
    GeneralizeStep,
    Keep,
    Mask,
    Perturb,
    Precision,
    Pseudonymize,
    TokenKind,
    Treatment,
)
from gateway.model.values import FieldType
from gateway.policy.contracts.treatment_shapes import TreatmentShape
from gateway.policy.contracts.treatments import to_treatment
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import load

C, F = Classification, FieldType


def _field(
    name: str,
    kind: FieldType,
    of: Classification = C.OTHER,
    canonical: CanonicalForm = CanonicalForm.TEXT,
    bounds: Bounds | None = None,
    keys: tuple[str, ...] | None = None,
) -> FieldSpec:
    return FieldSpec(name, kind, of, False, canonical, bounds, keys)


FIELDS = {
    field.name: field
    for field in (
        _field("id", F.STRING, C.DIRECT_IDENTIFIER, CanonicalForm.RESIDENT_ID),
        _field("phone", F.STRING, C.DIRECT_IDENTIFIER, CanonicalForm.PHONE),
        _field("plate", F.STRING, C.QUASI_IDENTIFIER, CanonicalForm.PLATE),
        _field("firm", F.STRING, canonical=CanonicalForm.FIRM_CODE),
        _field("address", F.STRING, C.DIRECT_IDENTIFIER),
        _field("story", F.STRING, C.FREE_TEXT),
        _field("tier", F.STRING, C.SENSITIVE, keys=("A", "B")),
        _field("amount", F.INT64, bounds=Bounds(0, 20_000)),
        _field("born", F.DATE),
        _field("seen", F.TIMESTAMP),
        _field("lat", F.DOUBLE),
        _field("lon", F.DOUBLE),
    )
}

FORMS: list[tuple[str, str, Treatment]] = [
    ("plate", "keep", Keep()),
    ("id", "{keep: {justification: The registrar compares it.}}", Keep()),
    ("story", "{keep: {justification: The ombudsman reads it.}}", Keep()),
    ("id", "pseudonymize", Pseudonymize()),
    ("id", "{pseudonymize: {}}", Pseudonymize()),
    ("story", "pseudonymize", Pseudonymize()),
    ("id", "{pseudonymize: {token: reversible, renewed: daily}}", Pseudonymize(renewed=Renewal.DAILY)),
    (
        "plate",
        "{pseudonymize: {token: irreversible, renewed: yearly}}",
        Pseudonymize(TokenKind.IRREVERSIBLE, None, Renewal.YEARLY),
    ),
    (
        "plate",
        "{pseudonymize: {token: irreversible, renewed: daily, by: seen}}",
        Pseudonymize(TokenKind.IRREVERSIBLE, None, Renewal.DAILY, "seen"),
    ),
    ("phone", "{pseudonymize: {token: format-preserving}}", Pseudonymize(TokenKind.FORMAT)),
    ("plate", "{pseudonymize: {token: format-preserving}}", Pseudonymize(TokenKind.FORMAT)),
    (
        "id",
        "{pseudonymize: {token: format-preserving, check: valid, renewed: monthly}}",
        Pseudonymize(TokenKind.FORMAT, CheckDigit.VALID, Renewal.MONTHLY),
    ),
    (
        "firm",
        "{pseudonymize: {token: format-preserving, check: never-valid}}",
        Pseudonymize(TokenKind.FORMAT, CheckDigit.NEVER),
    ),
    ("born", "{generalize: month}", GeneralizeDate(Precision.MONTH)),
    ("seen", "{generalize: {to: day}}", GeneralizeDate(Precision.DAY)),
    ("tier", "{generalize: street}", GeneralizeRegion(Precision.STREET)),
    ("amount", "{generalize: {width: 1000}}", GeneralizeNumber(1000, None)),
    ("amount", "{generalize: {width: 1000, top: -5}}", GeneralizeNumber(1000, -5)),
    ("lat", "{generalize: {step: '0.01'}}", GeneralizeStep("0.01", None)),
    ("lat", "{generalize: {step: '250', top: 10000}}", GeneralizeStep("250", "10000")),
    ("lat", "{generalize: {step: '0.5', top: '-2.25'}}", GeneralizeStep("0.5", "-2.25")),
    ("born", "{generalize: {age: 5, top: 90}}", GeneralizeAge(5, 90)),
    ("seen", "{generalize: {age: 10}}", GeneralizeAge(10, None)),
    ("lat", "{generalize: {geohash: 5, longitude: lon}}", GeneralizeGeohash(5, "lon")),
    ("address", "{generalize: {address: street}}", GeneralizeAddress(Precision.STREET)),
    ("phone", "{mask: {first: 3, last: 2}}", Mask(3, 2)),
    ("tier", "{perturb: {epsilon: 1}}", Perturb("1")),
    ("tier", "{perturb: {epsilon: 0.50}}", Perturb("0.5")),
    ("amount", "{perturb: {epsilon: 10}}", Perturb("10")),
    ("amount", "{perturb: {epsilon: 0.001}}", Perturb("0.001")),
]


def _read(field: str | FieldSpec, written: object) -> Treatment:
    spec = FIELDS[field] if isinstance(field, str) else field
    return to_treatment(TreatmentShape.model_validate(written), spec, FIELDS)


@pytest.mark.parametrize(("field", "written", "means"), FORMS, ids=[f"{one[0]}: {one[1]}" for one in FORMS])
def test_each_form_is_read(field: str, written: str, means: Treatment) -> None:
    assert _read(field, yaml.safe_load(written)) == means


def _takes(call: Callable[..., object], *given: object) -> bool:
    """Whether a call goes through without a ValueError, which those of pydantic are too."""
    try:
        call(*given)
    except ValueError:
        return False
    return True


NINES = "9" * 16
STEPS = (
    "0.01", "1", "7", "250.5", "0.000000000000001", "2251799813.685248", "2251799813.685249", "1125899906842624",
    "2251799813685248", "2251799813685249", "3.123456789012345", "0.0000000000000001", NINES,
)  # fmt: skip
TOPS = (None, "0", "1", "-1", "0.5", "22517998136852.48", "22517998136852.49", "-22517998136852.49", "2251.7", NINES)


def test_steps_are_taken_just_where_the_kernel_takes_them() -> None:
    values = pa.array([0.25, -3.5, None], pa.float64())
    taken = 0
    for step, top in product(STEPS, TOPS):
        written = {"generalize": {"step": step} | ({} if top is None else {"top": top})}
        takes = _takes(_read, "lat", written)
        assert takes == _takes(generalize_step, values, step, top), (step, top)
        taken += takes
    assert 20 < taken < len(STEPS) * len(TOPS) - 20


def test_widths_are_taken_just_where_the_kernel_takes_them() -> None:
    values = pa.array([0, 5, None], pa.int64())
    edge = 2**63 - 1
    outcomes = set()
    for width, top in product((1, 2, 1000, 2**62 + 1, edge), (None, 0, 5, -5, -edge, edge)):
        written = {"generalize": {"width": width} | ({} if top is None else {"top": top})}
        takes = _takes(_read, "amount", written)
        assert takes == _takes(generalize_number, values, width, top), (width, top)
        outcomes.add(takes)
    assert outcomes == {True, False}


def test_whatever_ages_and_geohashes_are_taken_the_kernel_takes_too() -> None:
    births = pa.array([date(1990, 2, 28), None], pa.date32())
    for width, top in product(range(-1, 103), (None, -1, 0, 1, 90, 150, 151)):
        written = {"generalize": {"age": width} | ({} if top is None else {"top": top})}
        if _takes(_read, "born", written):
            generalize_age(births, date(2026, 11, 22), width, top)
    place = pa.array([30.25], pa.float64())
    for length in range(-1, 12):
        takes = _takes(_read, "lat", {"generalize": {"geohash": length, "longitude": "lon"}})
        assert takes == _takes(generalize_geohash, place, place, length)


def test_numbers_are_randomised_just_where_the_kernel_can() -> None:
    outcomes = set()
    spans = ((0, 1), (0, 70_000), (-(2**61), 2**61), (-(2**61), 2**61 + 1), (-(2**63), 2**63 - 1), (5, 5))
    for lower, upper in spans:
        field = _field("number", F.INT64, bounds=Bounds(lower, upper))
        takes = _takes(_read, field, {"perturb": {"epsilon": 0.5}})
        assert takes == _takes(laplace_table, lower, upper, Fraction(1, 2))
        outcomes.add(takes)
    assert outcomes == {True, False}


def test_whatever_epsilon_is_taken_the_kernels_take_and_lose_no_more() -> None:
    for epsilon in (0.0009, 0.001, 0.0015, 0.333333, 1, 2.5, 9.999999, 10, 10.000001, 0.3333333):
        if not _takes(_read, "tier", {"perturb": {"epsilon": epsilon}}):
            assert not 0.001 <= epsilon <= 10 or epsilon != round(epsilon, 6)
            continue
        treatment = _read("tier", {"perturb": {"epsilon": epsilon}})
        assert isinstance(treatment, Perturb)
        exact = Fraction(treatment.epsilon)
        assert exact == Fraction(str(epsilon))
        # contracts take 10,000 keys at most, and NULL beside them
        assert response_table(10_001, exact).loss <= exact
        assert laplace_table(0, 500, exact).loss <= exact


UNSUITED = [
    ("amount", "{pseudonymize: {token: irreversible}}"),
    ("address", "{pseudonymize: {token: format-preserving}}"),
    ("id", "{pseudonymize: {token: format-preserving}}"),
    ("phone", "{pseudonymize: {token: format-preserving, check: valid}}"),
    ("id", "{pseudonymize: {check: valid}}"),
    ("lat", "{generalize: {width: 1}}"),
    ("amount", "{generalize: {step: '1'}}"),
    ("amount", "{generalize: {age: 5}}"),
    ("lat", "{generalize: {geohash: 5, longitude: tier}}"),
    ("lat", "{generalize: {geohash: 5, longitude: lat}}"),
    ("lat", "{generalize: {geohash: 5, longitude: nowhere}}"),
    ("born", "{generalize: {address: city}}"),
    ("address", "{generalize: {address: year}}"),
    ("lat", "{perturb: {epsilon: 1}}"),
    ("seen", "{perturb: {epsilon: 1}}"),
    ("phone", "{perturb: {epsilon: 1}}"),
]


@pytest.mark.parametrize(("field", "written"), UNSUITED, ids=[f"{one[0]}: {one[1]}" for one in UNSUITED])
def test_what_does_not_suit_the_field_is_refused(field: str, written: str) -> None:
    with pytest.raises(ValueError, match=r"\. [A-Z]"):  # what is wrong, and what to do
        _read(field, yaml.safe_load(written))


@pytest.mark.parametrize(
    ("field", "way_out"), [("id", "pseudonymize"), ("phone", "pseudonymize"), ("story", "leave it out")]
)
def test_who_somebody_is_and_free_text_are_kept_with_a_reason_alone(field: str, way_out: str) -> None:
    with pytest.raises(ValueError, match=f"keeping it needs a reason.*, or {way_out}"):
        _read(field, "keep")
    assert _read(field, {"keep": {"justification": "The purpose fails without it."}}) == Keep()


def test_numbers_that_may_be_missing_and_fields_of_one_value_are_not_randomised() -> None:
    number = FieldSpec("number", F.INT64, C.OTHER, True, CanonicalForm.TEXT, Bounds(0, 9), None)
    with pytest.raises(ValueError, match="may be missing"):
        _read(number, {"perturb": {"epsilon": 1}})
    one = FieldSpec("one", F.STRING, C.OTHER, False, CanonicalForm.TEXT, None, ("A",))
    with pytest.raises(ValueError, match="one public key"):
        _read(one, {"perturb": {"epsilon": 1}})
    # with NULL for a second value there is something to choose from
    maybe = FieldSpec("maybe", F.STRING, C.OTHER, True, CanonicalForm.TEXT, None, ("A",))
    assert _read(maybe, {"perturb": {"epsilon": 1}}) == Perturb("1")


def _changed(folder: Path, old: str, new: str) -> None:
    contract = folder / "contracts" / "subsidies.yaml"
    text = contract.read_text("utf-8")
    assert text.count(old) == 1
    contract.write_text(text.replace(old, new), "utf-8")


ROWS = "          max_rows: 100000\n"


def _crowd(folder: Path, anonymity: str, *, tokens: bool = False) -> None:
    """Ask for anonymity of the rows for auditors, without what would let somebody out of the crowd."""
    if not tokens:
        _changed(folder, "resident_id: pseudonymize", "# no token")
    _changed(folder, "phone: {mask: {first: 3, last: 2}}", "# no phone")
    _changed(folder, "filters: [tier]\n          consent: consented", "filters: []\n          consent: consented")
    _changed(folder, ROWS, ROWS + f"          anonymity: {anonymity}\n")


def test_anonymity_counts_by_the_quasi_identifiers_that_leave_and_those_named_besides(folder: Path) -> None:
    _crowd(folder, "{k: 5, also: [amount_yuan], l: {tier: 2}, t: {tier: 0.15}}")
    spec = load(folder).contracts["subsidies"].disclosures["audit-rows"].anonymity
    assert isinstance(spec, AnonymitySpec)
    assert set(spec.quasi_identifiers) == {"community", "paid_on", "amount_yuan"}
    assert spec.quasi_identifiers[-1] == "amount_yuan"
    assert (spec.k, dict(spec.diversity), dict(spec.closeness)) == (5, {"tier": 2}, {"tier": Fraction(3, 20)})


def test_rows_may_have_the_token_of_the_one_field_that_tells_rows_apart(folder: Path) -> None:
    _crowd(folder, "{k: 5}", tokens=True)
    with pytest.raises(InvalidPolicy) as refused:
        load(folder)
    assert "join rows of several classes" in refused.value.problems[0].message
    _changed(folder, "name: resident_id,", "name: resident_id, primaryKey: true,")
    assert load(folder).contracts["subsidies"].disclosures["audit-rows"].anonymity is not None
    # one of two fields that tell rows apart together tells nothing of the kind
    _changed(folder, "name: tier,", "name: tier, primaryKey: true,")
    with pytest.raises(InvalidPolicy):
        load(folder)


def test_a_region_that_callers_may_name_always_tells_people_apart(folder: Path) -> None:
    _changed(
        folder,
        "community, logicalType: string, classification: quasi-identifier",
        "community, logicalType: string, classification: other",
    )
    _crowd(folder, "{k: 5}")
    spec = load(folder).contracts["subsidies"].disclosures["audit-rows"].anonymity
    assert spec is not None and set(spec.quasi_identifiers) == {"community", "paid_on"}


@pytest.mark.parametrize("judged", ["l: {resident_id: 3}", "t: {resident_id: 0.9}"])
def test_a_token_joins_a_persons_rows_however_diverse_it_is(folder: Path, judged: str) -> None:
    _crowd(folder, f"{{k: 5, {judged}}}", tokens=True)
    with pytest.raises(InvalidPolicy) as refused:
        load(folder)
    assert "join rows of several classes" in refused.value.problems[0].message


@pytest.mark.parametrize("classified", ["sensitive", "other"])
@pytest.mark.parametrize("leaves", ["keep", "{mask: {first: 17}}"])
def test_the_privacy_unit_names_people_whatever_it_is_classified_as(folder: Path, classified: str, leaves: str) -> None:
    _changed(
        folder,
        "resident_id, logicalType: string, classification: direct-identifier",
        f"resident_id, logicalType: string, classification: {classified}",
    )
    _changed(folder, "resident_id: pseudonymize", f"resident_id: {leaves}")
    _crowd(folder, "{k: 5}", tokens=True)
    with pytest.raises(InvalidPolicy) as refused:
        load(folder)
    assert "can say who somebody is" in refused.value.problems[0].message


@pytest.mark.parametrize("field", ["community", "paid_on"])
def test_a_field_that_chooses_rows_is_not_randomised(folder: Path, field: str) -> None:
    _changed(
        folder,
        "tier: {keys: [A, B, C, none]}",
        "tier: {keys: [A, B, C, none]}\n        community: {keys: [a, b]}\n"
        "        paid_on: {keys: [2026-01-01, 2026-01-02]}",
    )
    how = {"community": "{generalize: district}", "paid_on": "{generalize: month}"}
    _changed(folder, f"{field}: {how[field]}", f"{field}: {{perturb: {{epsilon: 0.1}}}}")
    with pytest.raises(InvalidPolicy) as refused:
        load(folder)
    assert [problem.message for problem in refused.value.problems] == [
        f"'{field}' leaves randomised, and which rows leave would tell its value"
    ]


@pytest.mark.parametrize("asked", ["l: {community: 2}", "t: {paid_on: 0.5}", "also: [tier], l: {tier: 2}"])
def test_what_the_census_would_refuse_is_refused_at_load(folder: Path, asked: str) -> None:
    words = yaml.safe_load(f"{{{asked}}}")
    quasi = ("community", "paid_on", *words.get("also", ()))
    with pytest.raises(ValueError, match="sensitive too"):
        Demand(quasi, 5, words.get("l", {}), words.get("t", {}))
    _crowd(folder, f"{{k: 5, {asked}}}")
    with pytest.raises(InvalidPolicy) as refused:
        load(folder)
    assert [problem.line for problem in refused.value.problems] == [61]
    assert "the same in a whole class" in refused.value.problems[0].message


RETENTION = "{property: retention, value: 730, unit: d, element: paid_on}"


@pytest.mark.parametrize("element", ["paid_on", "subsidies.paid_on"])
def test_retention_with_an_element_tells_the_first_day_that_is_read(folder: Path, element: str) -> None:
    today = date(2026, 11, 22)
    _changed(folder, ", element: paid_on", "")
    assert load(folder).contracts["subsidies"].kept_since(today) is None
    _changed(folder, "unit: d}", f"unit: d, element: {element}}}")
    contract = load(folder).contracts["subsidies"]
    assert contract.retention_field == "paid_on"
    assert contract.kept_since(today) == date(2024, 11, 22)


def test_the_longest_retention_can_be_counted_from_today_and_a_longer_one_is_refused(folder: Path) -> None:
    _changed(folder, RETENTION, "{property: retention, value: 365000, unit: d, element: paid_on}")
    assert load(folder).contracts["subsidies"].kept_since(date(2026, 11, 22)) == date(1027, 7, 23)
    _changed(folder, "365000", "365001")
    with pytest.raises(InvalidPolicy) as refused:
        load(folder)
    assert "more than a thousand years" in refused.value.problems[0].message
