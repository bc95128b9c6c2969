"""A contract whose source the settings do not know is named at the start, with what to do; all else is served."""

from __future__ import annotations

import pytest

from gateway import pipeline
from tests.integration.house import delivered, housed, tracing
from tests.integration.site import Site

_DATABASE = """
[data.databases.registers]
host = "/nowhere"
database = "city"
user = "gateway"
"""


@pytest.mark.parametrize(
    ("server", "settings", "said"),
    [
        (
            "{server: register, type: postgres, host: /nowhere, port: 5432, database: city, schema: s}",
            _DATABASE,
            "the settings have no [data.databases.register]. Add it, or mend the contract's server",
        ),
        (
            "{server: registers, type: postgres, host: /elsewhere, port: 5432, database: town, schema: s}",
            _DATABASE,
            "host and database of its server: not as in [data.databases.registers] of the settings. Make them the same",
        ),
        (
            "{server: city-lake, type: custom, path: codes/, format: parquet}",
            "",
            "the settings have no [data.spark.city-lake]. Add it, or mend the contract's server",
        ),
        ("{server: registers, type: postgres, host: /nowhere, port: 5432, database: city, schema: s}", _DATABASE, None),
    ],
)
def test_what_the_settings_do_not_know_is_named_at_the_start(
    new_site: Site, caplog: pytest.LogCaptureFixture, server: str, settings: str, said: str | None
) -> None:
    with new_site.config.open("a", encoding="utf-8") as file:
        file.write(settings)
    contract = new_site.policies / "contracts" / "health_codes.yaml"
    lines = contract.read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if "type: local" in line)
    lines[place] = f"  - {server}"
    contract.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with housed(new_site) as house:
        told = [one.getMessage() for one in caplog.records if "is not served" in one.getMessage()]
        assert told == ([] if said is None else [f"contract health_codes is not served: {said}"])
        assert delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
