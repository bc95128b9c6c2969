"""Identifiers are recognised by name in both languages and by the form of their values; an officer confirms."""

from __future__ import annotations

import pytest

from seeds.generator.identity import check_character
from tests.unit.cli.conftest import Desk

DIRECT, QUASI, SENSITIVE = "direct-identifier", "quasi-identifier", "sensitive"


def person(number: int) -> str:
    """A valid resident identity number of nobody in particular."""
    seventeen = f"330106199001{number % 28 + 1:02d}{number % 1000:03d}"
    return seventeen + check_character(seventeen)


@pytest.mark.parametrize(
    ("name", "classification"),
    [
        ("resident_id", DIRECT), ("PatientID", DIRECT), ("e-mail", DIRECT), ("mobilePhone", DIRECT),
        ("last_name", DIRECT),
        ("tailnum", DIRECT), ("licensePlate", DIRECT), ("身份证号码", DIRECT), ("手机号", DIRECT), ("车牌号", DIRECT),
        ("统一社会信用代码", DIRECT), ("家庭住址", DIRECT), ("姓名", DIRECT),
        ("date_of_birth", QUASI), ("DOB", QUASI), ("zip code", QUASI), ("Sex", QUASI), ("age", QUASI), ("lon", QUASI),
        ("dest_city", QUASI), ("出生日期", QUASI), ("性别", QUASI), ("年龄", QUASI), ("邮编", QUASI), ("街道", QUASI),
        ("经度", QUASI), ("diagnosis", SENSITIVE), ("诊断", SENSITIVE), ("amount", SENSITIVE), ("message", SENSITIVE),
        ("percentage", SENSITIVE), ("collation", SENSITIVE),
    ],
)  # fmt: skip
def test_names_tell(desk: Desk, name: str, classification: str) -> None:
    found = desk.found(desk.write(f"{name},k\nx,z\nx,z\ny,z\n"), "--convert")
    assert next(iter(found["fields"].values()))["classification"] == classification


@pytest.mark.parametrize(
    ("values", "canonical"),
    [
        ([person(n) for n in range(40)], "resident-id"),
        ([f"1{n % 7 + 3}{n:09d}" for n in range(40)], "phone"),
        (["call +86 138-0013-8000 after six"] + ["zz-none"] * 40, "phone"),
        ([f"u{n}@mail.example.org" for n in range(40)], "text"),
        (["浙A12345", "浙AD12345", "沪B·88888"] * 10, "plate"),
        (["91330106MA27XL8U0F", "91330100799655058B"] * 20, "firm-code"),
    ],
)
def test_values_tell_whatever_the_name(desk: Desk, values: list[str], canonical: str) -> None:
    path = desk.write("v,k\n" + "".join(f"{value},z\n" for value in values))
    field = desk.found(path)["fields"]["v"]
    assert (field["classification"], field["type"], field["canonical"]) == (DIRECT, "string", canonical), field
    for text in (desk.out, (desk.policies / "contracts" / "table.yaml").read_text()):
        assert not [value for value in values if value in text]


def test_a_number_with_a_wrong_check_is_no_resident_id(desk: Desk) -> None:
    wrong = [person(n)[:17] + ("1" if person(n)[17] != "1" else "2") for n in range(40)] * 2
    field = desk.found(desk.write("v,k\n" + "".join(f"{value},z\n" for value in wrong)))["fields"]["v"]
    assert field["canonical"] == "text"


def test_a_code_with_a_wrong_check_is_no_firm_code(desk: Desk) -> None:
    field = desk.found(desk.write("v,k\n" + "91330106MA27XL8U0G,z\n" * 60))["fields"]["v"]
    assert field["classification"] == SENSITIVE


def test_almost_unique_text_may_name_somebody(desk: Desk) -> None:
    path = desk.write("v,k\n" + "".join(f"w{number:04d}x,z\n" for number in range(200)))
    found = desk.found(path)
    assert found["fields"]["v"]["classification"] == DIRECT
    assert found["privacy_unit"] == {"field": "v", "recognised": True}


def test_without_a_clue_the_unit_is_a_place_holder_that_says_so(desk: Desk) -> None:
    path = desk.write("x,kind\n" + "1.5,b\n" * 10)
    assert desk.found(path)["privacy_unit"] == {"field": "kind", "recognised": False}
    text = (desk.policies / "contracts" / "table.yaml").read_text()
    assert "'kind' only holds the place" in text
