"""Every identifier of a made city passes a check written here from the standards, not from the generator."""

import re
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from seeds.generator import CANARIES, CANARY_FIRM_CODE, City, firm_code, identity, plates
from seeds.generator.identity import Registrar


def iso7064_mod_11_2(text: str) -> bool:
    """The pure-system check by Horner's rule: a valid string, its check character included, is 1 mod 11."""
    remainder = 0
    for character in text:
        remainder = (remainder * 2 + (10 if character == "X" else int(character))) % 11
    return remainder == 1


def gb32100_mod_31(text: str) -> bool:
    """Horner's rule backwards: the weighted sum with weights 3**i, the check's own weight being 1, is 0."""
    alphabet = [c for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in "IOSVZ"]
    remainder = 0
    for character in reversed(text[:17]):
        remainder = (remainder * 3 + alphabet.index(character)) % 31
    return (remainder + alphabet.index(text[17])) % 31 == 0


def gb11714_mod_11(text: str) -> bool:
    """An organisation code with its check character (X for ten) weighs 0 mod 11."""
    values = [ord(c) - 55 if c.isalpha() else ord(c) - 48 for c in text[:8]]
    check = 10 if text[8] == "X" else int(text[8])
    weighted = sum(v * w for v, w in zip(values, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return (weighted + check) % 11 == 0


def column(city: City, table: str, name: str) -> list[object]:
    values: list[object] = pq.read_table(city.tables[table], columns=[name]).column(name).to_pylist()
    return values


def test_resident_ids_agree_with_the_register(city: City) -> None:
    rows = pq.read_table(city.tables["residents"]).select(["resident_id", "sex", "birth_date"]).to_pylist()
    for row in rows:
        number = row["resident_id"]
        assert re.fullmatch(r"[1-9]\d{16}[\dX]", number)
        assert iso7064_mod_11_2(number)
        assert datetime.strptime(number[6:14], "%Y%m%d").date() == row["birth_date"]
        assert date(1926, 1, 1) <= row["birth_date"] < date(2026, 11, 1)
        assert ("F", "M")[int(number[16]) % 2] == row["sex"]
    assert len({row["resident_id"] for row in rows}) == len(rows)


def test_other_tables_name_registered_residents_only(city: City) -> None:
    registered = set(column(city, "residents", "resident_id"))
    others = ("health_codes", "health_cases", "police_sightings", "transport_trips", "subsidies",
              "job_applicants", "hospital_bills", "volunteer_tasks")  # fmt: skip
    for table in others:
        assert set(column(city, table, "resident_id")) <= registered, table
    assert set(column(city, "parcels", "owner_id")) <= registered
    assert set(column(city, "ambulance_runs", "patient_id")) <= registered
    assert sorted(map(str, column(city, "health_codes", "resident_id"))) == sorted(map(str, registered))


def test_firm_codes(city: City) -> None:
    codes = [str(code) for code in column(city, "enterprises", "firm_code")]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{18}", code)
        assert gb32100_mod_31(code)
        assert gb11714_mod_11(code[8:17])
    employers = {code for code in column(city, "residents", "firm_code") if code is not None}
    assert employers <= set(codes)
    assert set(column(city, "subsidies", "firm_code")) <= set(codes)


def test_phones_are_mobile_numbers_given_once(city: City) -> None:
    phones = [str(phone) for phone in column(city, "residents", "phone")]
    assert all(re.fullmatch(r"1[3-9]\d{9}", phone) for phone in phones)
    assert len(set(phones)) == len(phones)


def test_plates_have_at_most_two_letters_and_never_i_or_o(city: City) -> None:
    for plate in map(str, column(city, "parking_stays", "plate") + column(city, "road_passes", "plate")):
        assert re.fullmatch(r"[一-龥][A-Z][0-9A-HJ-NP-Z]{5}", plate)
        assert sum(c.isalpha() for c in plate[2:]) <= 2


def test_plates_are_distinct_even_after_all_serials_are_used_up() -> None:
    around = np.concatenate([np.arange(40_000), plates._SPACE + np.arange(40_000)])
    made = plates.plates(around, seed=7).to_pylist()
    assert len(set(made)) == len(made)


def test_record_numbers_are_distinct(city: City) -> None:
    for table, key in {
        "police_sightings": "sighting_id",
        "transport_trips": "trip_id",
        "parking_stays": "stay_id",
        "subsidies": "application_id",
        "parcels": "parcel_id",
        "ambulance_runs": "run_id",
        "hospital_bills": "bill_id",
        "volunteer_tasks": "task_id",
    }.items():
        numbers = column(city, table, key)
        assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("11010519491231002X", True),  # the example printed in the standard
        ("440524188001010014", True),  # its second example
        ("110105194912310021", False),
        ("11010519490230002X", False),
        ("11010519491231002x", False),
        ("1101051949123100２X", False),
        ("", False),
    ],
)
def test_the_validator_of_resident_ids(number: str, valid: bool) -> None:
    assert identity.is_valid(number) is valid


def test_the_validators_refuse_every_single_changed_digit() -> None:
    for place in range(18):
        for digit in "0123456789":
            spoilt = CANARIES[0].resident_id[:place] + digit + CANARIES[0].resident_id[place + 1 :]
            assert identity.is_valid(spoilt) is (spoilt == CANARIES[0].resident_id)
            code = CANARY_FIRM_CODE[:place] + digit + CANARY_FIRM_CODE[place + 1 :]
            assert firm_code.is_valid(code) is (code == CANARY_FIRM_CODE)


def test_the_validator_of_firm_codes_knows_real_ones() -> None:
    assert firm_code.is_valid("91330100799655058B")  # a real company's, as published
    assert not firm_code.is_valid("91330100799655058C")
    with pytest.raises(ValueError, match="seventeen digits"):
        identity.check_character("1234")


def test_a_registrar_never_issues_a_number_twice_and_says_when_it_has_none_left() -> None:
    registrar = Registrar()
    day, area = np.full(250, 9_000), np.zeros(250, dtype=np.int64)
    male = np.ones(250, dtype=np.bool_)
    first = registrar.issue(area[:249], day[:249], male[:249]).to_pylist()
    second = registrar.issue(area, day, male).to_pylist()
    assert len({*first, *second}) == 499
    with pytest.raises(OverflowError, match="more births"):
        registrar.issue(area[:1], day[:1], male[:1])


def test_the_fixture_is_a_whole_city(city: City, regions: Path) -> None:
    assert city.people > 100_000, "more than one chunk, so that these checks cross its border"
    assert regions.is_file()
