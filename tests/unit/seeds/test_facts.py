"""What the tables say fits together, and is skewed as a city is."""

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seeds.generator import PLACE_KINDS, PLACES, SCHEMAS, City, categories


def test_nothing_happens_after_today(city: City) -> None:
    for name, schema in SCHEMAS.items():
        for field in schema:
            if pa.types.is_temporal(field.type):
                values = pq.read_table(city.tables[name]).column(field.name).to_pylist()
                latest = max(value for value in values if value is not None)
                today = datetime(2026, 11, 1) if isinstance(latest, datetime) else date(2026, 11, 1)
                assert latest < today


@pytest.fixture(scope="module")
def engine(city: City) -> Iterator[duckdb.DuckDBPyConnection]:
    """The city's tables as views of their names."""
    with duckdb.connect() as connection:
        for name, path in city.tables.items():
            connection.execute(f"create view {name} as select * from read_parquet('{path}')")
        yield connection


def count(engine: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = engine.sql(query).fetchall()
    return int(number)


@pytest.mark.parametrize(
    "contradictions",
    [
        "select count(*) from health_cases where visited_at::date >= diagnosed_on",
        "select count(*) from (select case_id from health_cases group by 1 having "
        "count(distinct (resident_id, diagnosis, diagnosed_on, hospital, consented)) > 1)",
        "select count(*) from (select place from health_cases where diagnosis not like '%CANARY%' group by 1 "
        "having count(distinct community) > 1)",
        "select count(*) from transport_trips where community <> from_community",
        "select count(*) from parking_stays where left_at <= entered_at or fee_fen <= 0",
        "select count(*) from subsidies where not starts_with(community, district || '/')",
        "select count(*) from enterprises where not starts_with(community, district || '/')",
        "select count(*) from subsidies where amount_yuan not between 0 and 20000",
        "select count(*) from subsidies where eligible <> (amount_yuan > 0) "
        "or eligible <> (tier <> 'none') or (paid_on is not null and not eligible)",
        "select count(*) from subsidies s join enterprises e using (firm_code) where s.sector <> e.sector",
        "select count(*) from (select firm_code, count(*) n from residents group by 1) "
        "join enterprises using (firm_code) where n > staff",
        "select count(*) from health_codes h join health_cases c using (resident_id) "
        "where diagnosed_on >= date '2026-10-25' and colour <> 'red' and length(h.resident_id) = 18 "
        "and h.resident_id not like '330101%'",
    ],
)
def test_no_row_contradicts_another(engine: duckdb.DuckDBPyConnection, contradictions: str) -> None:
    assert count(engine, contradictions) == 0


def test_people_contribute_unequally(engine: duckdb.DuckDBPyConnection) -> None:
    """What bounding of contributions is for: some people are in a table many times."""
    visits = "select max(n) from (select count(*) n from health_cases group by case_id)"
    assert count(engine, visits) == 6
    assert count(engine, "select max(n) from (select count(*) n from subsidies group by resident_id)") == 2
    seen = "select max(n) from (select count(*) n from police_sightings group by resident_id)"
    assert count(engine, seen) >= 8


def shares(engine: duckdb.DuckDBPyConnection, table: str, column: str) -> list[float]:
    """The share of each value of a column, the largest first."""
    rows = engine.sql(f"select count(*) from {table} group by {column} order by 1 desc").fetchall()
    counts = np.array([row[0] for row in rows], dtype=np.float64)
    listed: list[float] = (counts / counts.sum()).tolist()
    return listed


def test_places_and_communities_are_zipf_like(engine: duckdb.DuckDBPyConnection) -> None:
    homes, visited = shares(engine, "residents", "community"), shares(engine, "police_sightings", "place")
    assert len(homes) == 45
    assert len(visited) == len(PLACES)
    assert 0.10 < homes[0] < 0.16
    assert homes[0] > 8 * homes[-1]
    assert 1.7 < visited[0] / visited[1] < 2.3
    assert visited[0] > 20 * visited[-1]


def test_ages_form_a_pyramid_and_women_live_longer(engine: duckdb.DuckDBPyConnection) -> None:
    of = "select count(*) from residents where date_diff('year', birth_date, date '2026-11-01') between "
    workers, old = count(engine, of + "25 and 34"), count(engine, of + "75 and 84")
    assert 3 < workers / old < 15
    women = count(engine, of + "85 and 99 and sex = 'F'")
    assert women > 1.1 * count(engine, of + "85 and 99 and sex = 'M'")


def test_cases_come_in_a_winter_wave(engine: duckdb.DuckDBPyConnection) -> None:
    of = "select count(distinct case_id) from health_cases where month(diagnosed_on) "
    assert count(engine, of + "in (12, 1, 2)") > 5 * count(engine, of + "in (6, 7, 8)")
    cases = count(engine, "select count(distinct case_id) from health_cases")
    assert 0.017 < cases / 103_000 < 0.023


def test_trips_have_rush_hours_and_quiet_weekends(engine: duckdb.DuckDBPyConnection) -> None:
    of = "select count(*) from transport_trips where "
    assert count(engine, of + "hour(boarded_at) = 8") > 1.5 * count(engine, of + "hour(boarded_at) = 11")
    weekend = count(engine, of + "dayofweek(boarded_at) in (0, 6)") / count(engine, of + "true")
    assert 0.1 < weekend < 0.25


def test_a_few_firms_employ_many(engine: duckdb.DuckDBPyConnection) -> None:
    largest, median = (count(engine, f"select {f}(staff) from enterprises") for f in ("max", "median"))
    assert largest > 50 * median


def test_few_surnames_cover_most_people(engine: duckdb.DuckDBPyConnection) -> None:
    by_surname = shares(engine, "residents", "name[1]")
    assert 0.35 < sum(by_surname[:10]) < 0.65


def test_values_come_from_the_declared_lists(city: City) -> None:
    declared = {
        "sex": categories.SEXES, "colour": categories.COLOURS, "tier": categories.TIERS,
        "status": categories.FIRM_STATUSES, "sector": categories.SECTORS, "place": categories.PLACES,
        "hospital": categories.HOSPITALS, "line": categories.LINES, "garage": categories.GARAGES,
    }  # fmt: skip
    met = set()
    for table, schema in SCHEMAS.items():
        for column in set(schema.names) & set(declared):
            values = set(pq.read_table(city.tables[table]).column(column).to_pylist())
            assert values == set(declared[column]), (table, column)
            met.add(column)
    assert met == set(declared)


def test_place_lists_agree() -> None:
    assert set(PLACE_KINDS) == set(PLACES)
    assert sorted(p for places in categories.PLACE_DISTRICTS.values() for p in places) == sorted(PLACES)
    for names in (PLACES, categories.LINES, categories.GARAGES, categories.SECTORS, categories.HOSPITALS):
        assert len(set(names)) == len(names)
    assert len(categories.SECTORS) == 12
