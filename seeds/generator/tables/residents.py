"""Public security's register of residents: one row a person."""

from typing import Any

import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import SEXES
from seeds.generator.columns import blank_where, day_column, pick
from seeds.generator.firm_code import firm_codes
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.town import Town


def residents(people: People, town: Town) -> pa.Table:
    """The `residents` rows of these people."""
    employer = firm_codes(people.firm.clip(min=0), town.seed)
    columns: list[Any] = [
        people.resident_id,
        people.name,
        pick(SEXES, people.male),
        day_column(people.birth_day),
        people.phone,
        people.address,
        pick(town.regions.communities, people.home),
        blank_where(employer, people.firm < 0),
    ]
    return table_of("residents", columns)


def canary_residents(canary: Canary) -> list[dict[str, object]]:
    """The canary's entry in the register."""
    return [
        {
            "resident_id": canary.resident_id,
            "name": canary.name,
            "sex": canary.sex,
            "birth_date": canary.birth_date,
            "phone": canary.phone,
            "address": canary.address,
            "community": canary.community,
            "firm_code": canary.firm_code,
        }
    ]
