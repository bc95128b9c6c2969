"""What the tables say fits together, and is skewed as a city is."""

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seeds.generator import PLACE_KINDS, PLACES, SCHEMAS, City, categories, plates


def test_nothing_happens_after_today(city: City) -> None:
    for name, schema in SCHEMAS.items():
        for field in schema:
            if pa.types.is_temporal(field.type) and field.name != "due_on":
                values = pq.read_table(city.tables[name]).column(field.name).to_pylist()
                latest = max(value for value in values if value is not None)
                today = datetime(2026, 11, 1) if isinstance(latest, datetime) else date(2026, 11, 1)
                assert latest < today


def test_tasks_are_due_within_a_week(city: City) -> None:
    due = set(pq.read_table(city.tables["volunteer_tasks"]).column("due_on").to_pylist())
    assert due == {date(2026, 11, day) for day in range(1, 8)}


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
        "select count(*) from parcels where not starts_with(community, district || '/')",
        "select count(*) from parcels join residents on owner_id = resident_id where owner_name <> name "
        "or birth_date > date '2008-11-01'",
        "select count(*) from parcels where base_price_yuan <= 0 or base_price_yuan % 10000 <> 0 or area_m2 < 200",
        "select count(*) from job_applicants a join residents r using (resident_id) where a.name <> r.name "
        "or a.phone <> r.phone or a.community <> r.community or r.birth_date > date '2008-11-10'",
        "select count(*) from (select resident_id from job_applicants group by 1 having count(*) > 1)",
        "select count(*) from (select plate from road_passes group by 1 having count(*) > 1)",
        "select count(*) from road_passes where plate like '浙A%' "
        "or (plate like '浙%') <> (home_province = 'zhejiang') or (plate like '沪%') <> (home_province = 'shanghai')",
        "select count(*) from ambulance_runs where not regexp_matches(route, '^S[0-9]{4}(-S[0-9]{4})+$') "
        "or not regexp_matches(vehicle, '^浙AD[0-9]{5}$')",
        "select count(*) from ambulance_runs a join residents r on patient_id = resident_id "
        "where a.community <> r.community",
        "select count(*) from hospital_bills b join residents r using (resident_id) where b.community <> r.community "
        "or (insurance_class = 'employee' and firm_code is null) or amount_fen <= 0 "
        "or (insurance_class = 'child' and birth_date < date '2008-10-01')",
        "select count(*) from volunteer_tasks t join residents r using (resident_id) where t.community <> r.community "
        "or t.address <> r.address or not regexp_matches(volunteer, '^V[0-9]{5}$')",
        "select count(*) from (select volunteer from volunteer_tasks where volunteer not like 'V99%' group by 1 "
        "having count(distinct community) > 1)",
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
    for table, who in (("parcels", "owner_id"), ("hospital_bills", "resident_id"), ("volunteer_tasks", "volunteer")):
        most, few = (
            count(engine, f"select {f}(n) from (select count(*) n from {table} group by {who})") for f in ("max", "min")
        )
        assert most >= 5 * few, table


def test_care_goes_to_the_old(engine: duckdb.DuckDBPyConnection) -> None:
    old = "birth_date < date '1956-11-01'"
    of_all = count(engine, f"select count(*) from residents where {old}") / 103_000
    for table, who in (("ambulance_runs", "patient_id"), ("hospital_bills", "resident_id"),
                       ("volunteer_tasks", "resident_id")):  # fmt: skip
        joined = f"select count(*) from {table} join residents r on {table}.{who} = r.resident_id"
        assert count(engine, f"{joined} where {old}") > 2 * of_all * count(engine, joined), table


def test_many_who_look_for_work_have_none_and_some_vehicles_from_elsewhere_park_here(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    seeking = "select count(*) from job_applicants join residents using (resident_id)"
    assert count(engine, f"{seeking} where firm_code is null") > 0.5 * count(engine, seeking)
    parked = "select count(*) from road_passes where plate in (select plate from parking_stays)"
    assert 0 < count(engine, parked) < count(engine, "select count(*) from road_passes")


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
        "land_use": categories.LAND_USES, "skill": categories.SKILLS, "task": categories.TASKS,
        "insurance_class": categories.INSURANCE_CLASSES, "home_province": tuple(categories.PROVINCES.values()),
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


def test_every_office_that_issues_plates_lies_in_a_known_province() -> None:
    assert {office[0] for office in plates.OFFICES} == set(categories.PROVINCES)
