"""Canaries: in every table, valid, and told apart from everybody else."""

import json
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seeds.generator import (
    CANARIES,
    CANARY_FIRM_CODE,
    CANARY_FIRM_NAME,
    MARKS,
    SCHEMAS,
    City,
    generate,
    identity,
)

KEYS = {
    "parking_stays": "plate",
    "road_passes": "plate",
    "enterprises": "firm_code",
    "parcels": "owner_id",
    "ambulance_runs": "patient_id",
}
ATTRIBUTES = {"owner_id": "resident_id", "patient_id": "resident_id"}


def test_every_table_holds_every_canary(city: City) -> None:
    for table in SCHEMAS:
        key = KEYS.get(table, "resident_id")
        present = set(pq.read_table(city.tables[table]).column(key).to_pylist())
        if table == "enterprises":
            assert CANARY_FIRM_CODE in present
        else:
            assert {getattr(canary, ATTRIBUTES.get(key, key)) for canary in CANARIES} <= present, table


def test_every_marker_is_in_the_data_word_for_word(city: City) -> None:
    held: set[object] = set()
    for table, schema in SCHEMAS.items():
        text = [field.name for field in schema if pa.types.is_string(field.type)]
        stored = pq.read_table(city.tables[table], columns=text)
        held.update(*(column.unique().to_pylist() for column in stored.columns))
    for canary in city.canaries:
        assert set(canary.markers) <= held
    assert CANARY_FIRM_NAME in held


def test_nobody_else_carries_a_mark(city: City) -> None:
    own = [canary.resident_id for canary in CANARIES] + [canary.plate for canary in CANARIES]
    for table, schema in SCHEMAS.items():
        stored = pq.read_table(city.tables[table])
        key = stored.column(KEYS.get(table, "resident_id"))
        others = stored.filter(pc.invert(pc.is_in(key, value_set=pa.array([*own, CANARY_FIRM_CODE]))))
        assert 0 < stored.num_rows - others.num_rows <= 2 * len(CANARIES)
        for field in schema:
            if pa.types.is_string(field.type):
                values = others.column(field.name)
                assert not any(pc.any(pc.match_substring(values, mark)).as_py() for mark in MARKS)


def test_canaries_are_fixed() -> None:
    """Tests elsewhere, and people reading a log, rely on these very values."""
    assert [canary.resident_id for canary in CANARIES] == [
        "330101198808088813",
        "330101198808088821",
        "33010119880808883X",
        "330101198808088848",
        "330101198808088856",
        "330101198808088864",
    ]
    assert all(identity.is_valid(canary.resident_id) for canary in CANARIES)
    assert CANARIES[0].name == "龘靐甲"
    assert CANARIES[0].phone == "19988880001"
    assert CANARIES[0].plate == "浙ZCN881"
    assert {canary.consented for canary in CANARIES} == {True, False}
    assert {canary.community.split("/")[1] for canary in CANARIES} == {
        "xiacheng", "shangcheng", "gongshu", "xihu", "binjiang",
    }  # fmt: skip


def test_needles_find_a_canary_in_utf8_and_in_ascii_json() -> None:
    canary = CANARIES[2]
    for ascii_only in (True, False):
        line = json.dumps({"a": canary.reason, "b": canary.phone}, ensure_ascii=ascii_only).encode()
        assert sum(needle in line for needle in canary.needles) == 2
    assert not any(needle in b'{"a":"somebody else"}' for needle in canary.needles)


def test_canaries_sit_inside_the_data_not_at_its_ends(city: City) -> None:
    ids = pq.read_table(city.tables["residents"]).column("resident_id").to_pylist()
    places = [ids.index(canary.resident_id) for canary in city.canaries]
    assert all(10_000 < place < 90_000 for place in places)
    assert min(b - a for a, b in pairwise(places)) > 10_000


def test_canaries_move_to_a_community_that_another_tree_has(tmp_path: Path) -> None:
    tree = tmp_path / "regions.yaml"
    tree.write_text(
        "regions: [{id: n, level: city, name: {en: N, zh: 宁}, children: [{id: d, level: district, "
        "name: {en: D, zh: 东}, children: [{id: s, level: street, name: {en: S, zh: 街}, children: "
        "[{id: c, level: community, name: {en: C, zh: 社}}]}]}]}]",
        encoding="utf-8",
    )
    made = generate(tmp_path / "city", people=200, regions=tree)
    assert {canary.community for canary in made.canaries} == {"n/d/s/c"}
    assert [canary.markers for canary in made.canaries] == [canary.markers for canary in CANARIES]
    assert set(pq.read_table(made.tables["residents"]).column("community").to_pylist()) == {"n/d/s/c"}
