"""What contracts can do to fields of rows, through the whole pipeline over a real city: every kind of token, coarser
values, randomised answers that are charged, and rows that too few people share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway import pipeline
from gateway.kernels.perturb import RandomizedResponse
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.loss import PrivacyLoss
from gateway.model.permit import FieldViolation, NearestRequest
from gateway.model.record import AuditRecord
from gateway.pipeline import Refused
from seeds.generator.identity import check_character
from tests.integration.house import House, context, delivered, edit, tracing
from tests.integration.site import Site

DISCLOSURES = """
      disclosures:
        looks-alike:
          kind: extract
          description: Ids that look like ids and are none, codes that nobody turns back, and ages.
          fields:
            resident_id: {pseudonymize: {token: format-preserving, check: never-valid, renewed: daily}}
            name: {keep: {justification: "For the test."}}
            phone: {pseudonymize: {token: irreversible}}
            birth_date: {generalize: {age: 10, top: 80}}
            address: {generalize: {address: district}}
          waive_noise: "For the test."

        answers:
          kind: extract
          description: Whether somebody is a woman or a man, deniably.
          fields:
            sex: {perturb: {epsilon: 0.5}}
            birth_date: {generalize: year}
          waive_noise: "The answers have noise of their own."

        more-answers:
          kind: extract
          description: The same at a price that the recipient cannot pay besides.
          fields:
            sex: {perturb: {epsilon: 2}}
          waive_noise: "The answers have noise of their own."

        crowd:
          kind: extract
          description: Rows that blend in.
          fields:
            sex: keep
            birth_date: {generalize: year}
            community: {generalize: street}
          filters: [sex]
          waive_noise: "Nobody stands alone."
          anonymity: {k: 3}

        guessable:
          kind: extract
          description: Tokens of a column with two values.
          fields:
            sex: pseudonymize
          waive_noise: "For the test."

        partly-guessable:
          kind: extract
          description: The same, with what counting does not undo.
          fields:
            sex: pseudonymize
            community: pseudonymize
            resident_id: pseudonymize
            birth_date: {generalize: year}
          waive_noise: "For the test."
"""
GUESSABLE = FieldViolation("fields", "'sex' would leave as tokens that counting undoes")
CROWD = ("sex", "birth_date", "community")
ASKING = "cleaning-contractor"
PURPOSE = "data-cleaning"
GRANTS = "".join(
    f"p, g-test-{name}, {ASKING}, residents/{name}, extract, hangzhou, {PURPOSE}, until=2036-03-31, allow\n"
    for name in ("looks-alike", "answers", "more-answers", "crowd", "guessable", "partly-guessable")
)


@pytest.fixture
def residents(new_site: Site) -> pa.Table:
    """The register, which discloses in the test's ways."""
    edit(new_site.policies / "grants.csv", "\np, g-address-cleaning,", "\n" + GRANTS + "p, g-address-cleaning,")
    contract = new_site.policies / "contracts" / "residents.yaml"
    edit(contract, "\n      disclosures:\n", DISCLOSURES)
    edit(new_site.policies / "budgets.yaml", "  default: 2.0\n", f"  default: 2.0\n  {ASKING}: 4.0\n")
    return pq.read_table(new_site.data / "residents.parquet")


@pytest.fixture
def owners(new_site: Site) -> None:
    """The land register, of a kind of privacy unit that has no lifetime cap, with a field that leaves randomised."""
    contract = new_site.policies / "contracts" / "parcels.yaml"
    edit(contract, "{kind: resident, field", "{kind: owner, field")
    edit(contract, "owner_id: pseudonymize\n            land_use: keep",
         "owner_id: pseudonymize\n            land_use: {perturb: {epsilon: 0.001}}")  # fmt: skip
    edit(contract, "filters: [land_use, district]", "filters: [district]")


def extract(house: House, disclosure: str, person: str = "li.wei", **changed: Any) -> tuple[pa.Table, AuditRecord]:
    request = tracing(**{"context": context(PURPOSE), "dataset": "residents", "disclosure": disclosure} | changed)
    delivery = delivered(pipeline.rows(house.ports, house.peer(ASKING, person), request))
    with closing(delivery):
        table = pa.Table.from_batches([part.records for part in delivery], delivery.schema)
    return table, delivery.completion.record


def column(table: pa.Table, name: str) -> list[Any]:
    values: list[Any] = table.column(name).to_pylist()
    return values


def test_tokens_that_look_like_ids_are_none_and_are_new_every_day(residents: pa.Table, house: House) -> None:
    told, record = extract(house, "looks-alike")
    ids = column(told, "resident_id")
    assert len(ids) == residents.num_rows == len(set(ids))
    # every check character is wrong, so that none of them can be anybody's
    assert not any(check_character(one[:17]) == one[17] for one in ids)
    assert not set(ids) & set(column(residents, "resident_id"))
    assert {field.field: field.detail for field in record.fields}["resident_id"] == (
        "pseudonymize format-preserving per recipient and purpose, check character never-valid, renewed daily"
    )
    again, _ = extract(house, "looks-alike")
    assert set(column(again, "resident_id")) == set(ids)
    house.clock.ahead = timedelta(days=1)
    request = tracing(context=context(PURPOSE), dataset="residents", disclosure="looks-alike")
    delivery = delivered(pipeline.rows(house.ports, house.long_signed_in(ASKING), request))
    with closing(delivery):
        tomorrow = pa.Table.from_batches([part.records for part in delivery], delivery.schema)
    # not one token of one day is a token of the next
    assert not set(column(tomorrow, "resident_id")) & set(ids)


def test_codes_lead_back_to_nothing_and_coarse_values_are_right(residents: pa.Table, house: House) -> None:
    told, _ = extract(house, "looks-alike")
    codes = column(told, "phone")
    assert all(code.startswith("c") and len(code) == 33 for code in codes)
    assert len(set(codes)) == len(set(column(residents, "phone")))
    today = city_day(house.clock.now())
    ages = Counter(
        min(80, (today.year - born.year - ((today.month, today.day) < (born.month, born.day))) // 10 * 10)
        for born in column(residents, "birth_date")
    )
    assert Counter(column(told, "birth_date")) == ages
    assert told.schema.field("birth_date").type == pa.int64()
    addresses = column(told, "address")
    assert any(addresses) and all(address is None or address[-1] in "区县市" for address in addresses)


def test_randomised_answers_are_charged_once_and_are_the_same_again(residents: pa.Table, house: House) -> None:
    told, record = extract(house, "answers")
    answers, truth = Counter(column(told, "sex")), Counter(column(residents, "sex"))
    assert sum(answers.values()) == residents.num_rows
    assert record.loss == PrivacyLoss(Fraction(1, 8), Fraction(1, 2))
    kept = 0.6224593312018546
    expected = truth["F"] * kept + truth["M"] * (1 - kept)
    assert abs(answers["F"] - expected) < 6 * (residents.num_rows * kept * (1 - kept)) ** 0.5
    # the counts of all may come out even by chance, those of every year of birth never do
    born = Counter(zip(column(told, "sex"), column(told, "birth_date"), strict=True))
    assert born != Counter(
        (sex, day.year) for sex, day in zip(column(residents, "sex"), column(residents, "birth_date"), strict=True)
    )
    assert house.diary.events.index("charge") < house.diary.events.index("rows")
    # whoever asks again gets the same, and averages nothing away; the cap of 4.0 holds this answer and no dearer one
    again, _ = extract(house, "answers", person="chen.jie")
    assert Counter(zip(column(again, "sex"), column(again, "birth_date"), strict=True)) == born
    # another question is another answer, which the recipient can no longer pay
    dearer = tracing(context=context(PURPOSE), dataset="residents", disclosure="more-answers")
    refused = pipeline.rows(house.ports, house.peer(ASKING), dearer)
    assert isinstance(refused, Refused)
    assert refused.refusal.reason is ErrorReason.BUDGET_EXHAUSTED
    assert house.diary.events.count("charge") == 3
    assert house.diary.events.count("rows") == 2, "nothing was read for the one that was refused"


def test_a_kind_of_unit_without_a_lifetime_cap_bears_no_loss_and_holds_back_nothing_else(
    owners: None, house: House
) -> None:
    entries = tracing(context=context(PURPOSE), dataset="parcels", disclosure="register-cleaning")
    entries = replace(entries, fields=("parcel_id",))
    delivery = delivered(pipeline.rows(house.ports, house.peer("data-bureau"), entries))
    with closing(delivery):
        assert sum(part.records.num_rows for part in delivery) > 0
    randomised = replace(entries, context=context(PURPOSE), fields=("land_use",))
    refused = pipeline.rows(house.ports, house.peer("data-bureau"), randomised)
    assert isinstance(refused, Refused)
    assert refused.refusal.reason is ErrorReason.BUDGET_EXHAUSTED


def test_a_mechanism_that_loses_more_than_its_epsilon_answers_nothing(
    residents: pa.Table, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RandomizedResponse, "loss", Fraction("0.500001"))
    with pytest.raises(Fault) as raised:
        extract(house, "answers")
    assert raised.value.reason is ErrorReason.INTERNAL
    assert house.audit.records == []


def test_rows_that_too_few_share_stay_and_are_counted(residents: pa.Table, house: House) -> None:
    told, record = extract(house, "crowd")
    classes = Counter(zip(column(told, "sex"), column(told, "birth_date"), column(told, "community"), strict=True))
    truth = Counter(
        (sex, born.replace(month=1, day=1), "/".join(place.split("/")[:3]))
        for sex, born, place in zip(
            *(column(residents, name) for name in ("sex", "birth_date", "community")), strict=True
        )
    )
    assert classes == {key: count for key, count in truth.items() if count >= 3}
    withheld = sum(count for count in truth.values() if count < 3)
    assert withheld > 0
    assert (record.rows, record.withheld_rows) == (told.num_rows, withheld)
    assert record.rows + withheld == residents.num_rows
    assert "ensure-anonymity" in record.obligations


def test_who_asks_for_less_learns_no_more(residents: pa.Table, house: House) -> None:
    whole, record = extract(house, "crowd")
    rows = [tuple(row.values()) for row in whole.select(CROWD).to_pylist()]
    district = Counter("/".join(place.split("/")[:2]) for _, _, place in rows).most_common(1)[0][0]
    women = Condition("sex", Operator.EQUAL, ("F",))
    narrower: list[tuple[dict[str, Any], Callable[[tuple[Any, ...]], bool]]] = [
        # classes of fewer fields would hold the more people, and classes of fewer rows the fewer
        ({"fields": ("sex",)}, lambda row: True),
        ({"fields": ("birth_date", "community")}, lambda row: True),
        ({"filters": (women,)}, lambda row: row[0] == "F"),
        ({"fields": ("birth_date", "community"), "filters": (women,)}, lambda row: row[0] == "F"),
        ({"context": replace(context(PURPOSE), region=district)}, lambda row: row[2].startswith(f"{district}/")),
    ]
    for asked, among in narrower:
        told, other = extract(house, "crowd", **asked)
        names = [name for name in CROWD if name in told.schema.names]
        places = [CROWD.index(name) for name in names]
        assert Counter(tuple(row.values()) for row in told.select(names).to_pylist()) == Counter(
            tuple(row[place] for place in places) for row in rows if among(row)
        )
        assert 0 < told.num_rows == other.rows
        # and how many stayed is no count of those that were chosen
        assert other.withheld_rows == record.withheld_rows


def test_tokens_that_counting_would_undo_are_refused(residents: pa.Table, house: House) -> None:
    request = tracing(context=context(PURPOSE), dataset="residents", disclosure="guessable")
    refused = pipeline.rows(house.ports, house.peer(ASKING), request)
    assert isinstance(refused, Refused)
    assert refused.refusal.reason is ErrorReason.TOKENS_GUESSABLE
    (record,) = house.audit.records
    assert record.reason == ErrorReason.TOKENS_GUESSABLE and record.grant == "g-test-guessable"
    assert not {"charge", "rows"} & set(house.diary.events)
    assert refused.refusal.violations == (GUESSABLE,)
    assert refused.refusal.nearest == NearestRequest(steward=house.ports.policy.current().steward("residents"))


def test_what_may_be_asked_for_beside_guessable_tokens_is_told(residents: pa.Table, house: House) -> None:
    request = tracing(context=context(PURPOSE), dataset="residents", disclosure="partly-guessable")
    for fields, rest in (
        ((), ("resident_id", "birth_date")),
        (("birth_date", "sex"), ("birth_date",)),
    ):
        asked = replace(request, context=context(PURPOSE), fields=fields)
        refused = pipeline.rows(house.ports, house.peer(ASKING), asked)
        assert isinstance(refused, Refused)
        assert refused.refusal.nearest == NearestRequest(fields=rest)
        assert GUESSABLE in refused.refusal.violations
        assert len(refused.refusal.violations) == (1 if fields else 2)
        told, _ = extract(house, "partly-guessable", fields=rest)
        assert tuple(told.column_names) == rest
