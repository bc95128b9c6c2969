"""The city as a whole: its shape, its sameness for one seed, its memory, and what it refuses."""

import hashlib
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seeds.generator import CHUNK, SCHEMAS, City, generate
from seeds.generator import city as making
from seeds.generator.canaries import housed_in
from seeds.generator.identity import Registrar
from seeds.generator.people import People, settle
from seeds.generator.regions import read_regions
from seeds.generator.town import Town, found


def digests(city: City) -> dict[str, str]:
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in city.tables.items()}


def test_tables_have_exactly_their_schemas(city: City) -> None:
    assert set(city.tables) == set(SCHEMAS) == set(city.rows)
    for name, path in city.tables.items():
        stored = pq.ParquetFile(path)
        assert stored.schema_arrow.equals(SCHEMAS[name])
        assert stored.metadata.num_rows == city.rows[name]
        for index, field in enumerate(SCHEMAS[name]):
            values = pq.read_table(path).column(index)
            assert field.nullable or values.null_count == 0
            assert not field.nullable or 0 < values.null_count < len(values)


def test_the_files_are_all_that_is_left_behind(city: City) -> None:
    folder = city.tables["residents"].parent
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.parquet" for name in SCHEMAS)


def test_one_seed_gives_the_same_bytes_even_in_another_process(tmp_path: Path, regions: Path) -> None:
    first = generate(tmp_path / "first", people=CHUNK + 500, seed=11, regions=regions)
    again = tmp_path / "again"
    command = [sys.executable, "-m", "seeds.generator", "--people", str(CHUNK + 500), "--seed", "11"]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [*command, "--out", str(again)], cwd=root, capture_output=True, text=True, timeout=100, check=True
    )
    assert "residents" in done.stdout
    for name, digest in digests(first).items():
        assert hashlib.sha256((again / f"{name}.parquet").read_bytes()).hexdigest() == digest, name


def test_another_seed_gives_other_people(tmp_path: Path, regions: Path) -> None:
    one = generate(tmp_path / "one", people=2_000, seed=1, regions=regions)
    two = generate(tmp_path / "two", people=2_000, seed=2, regions=regions)
    first, second = digests(one), digests(two)
    assert all(first[name] != second[name] for name in SCHEMAS)


def test_rows_grow_with_people(tmp_path: Path, city: City, regions: Path) -> None:
    small = generate(tmp_path, people=10_300, regions=regions)
    assert small.rows["residents"] == small.rows["health_codes"] == 10_300
    for name in SCHEMAS:
        assert 8.5 < city.rows[name] / small.rows[name] < 11.5, name


def test_only_one_chunk_of_people_exists_at_a_time(regions: Path) -> None:
    """Three chunks take the memory of one: the pieces are handed out one by one and none is kept."""
    tree = read_regions(regions)
    town = found(3 * CHUNK, 7, tree)
    peaks, largest = [], 0
    residents = 0
    tracemalloc.start()
    for name, rows in making.batches(3 * CHUNK, 7, town, housed_in(tree.communities)):
        assert rows.num_rows <= 3 * CHUNK // 2
        if name == "residents":
            residents += rows.num_rows
            peaks.append(pa.total_allocated_bytes() + tracemalloc.get_traced_memory()[0])
        largest = max(largest, pa.total_allocated_bytes() + tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert residents == 3 * CHUNK
    assert len(peaks) == 3
    assert peaks[2] < 1.2 * peaks[0]
    assert largest < 300e6


def test_files_are_written_in_row_groups_of_a_chunk(city: City) -> None:
    groups = pq.ParquetFile(city.tables["residents"]).metadata
    assert [groups.row_group(index).num_rows for index in range(groups.num_row_groups)] == [CHUNK, 3_000]


@pytest.mark.parametrize(("people", "sizes"), [(100, [100]), (CHUNK, [CHUNK]), (2 * CHUNK + 1, [CHUNK, CHUNK, 1])])
def test_chunks_cover_every_person_once(people: int, sizes: list[int]) -> None:
    pieces = list(making.chunks(people))
    assert [len(piece) for piece in pieces] == sizes
    assert [piece.start for piece in pieces] == [sum(sizes[:index]) for index in range(len(sizes))]


@pytest.mark.parametrize("people", [100, CHUNK + 1])
def test_the_smallest_city_and_a_last_chunk_of_one(tmp_path: Path, regions: Path, people: int) -> None:
    made = generate(tmp_path, people=people, regions=regions)
    assert made.rows["residents"] == people
    assert all(rows > 0 for rows in made.rows.values())


@pytest.mark.parametrize(("people", "seed"), [(99, 7), (-5, 7), (50_000_001, 7), (1000, -1)])
def test_impossible_cities_are_refused_and_leave_nothing(tmp_path: Path, regions: Path, people: int, seed: int) -> None:
    with pytest.raises(ValueError):
        generate(tmp_path / "out", people=people, seed=seed, regions=regions)
    assert not (tmp_path / "out").exists()


def test_a_failure_on_the_way_leaves_the_earlier_city_and_no_drafts(
    tmp_path: Path, regions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = generate(tmp_path, people=500, regions=regions)
    before = digests(earlier)

    def run_out(town: Town, registrar: Registrar, chunk: int, first: int, count: int) -> People:
        if chunk == 1:
            raise OverflowError("no numbers left")
        return settle(town, registrar, chunk, first, count)

    monkeypatch.setattr("seeds.generator.city.settle", run_out)
    with pytest.raises(OverflowError):
        generate(tmp_path, people=CHUNK + 100, regions=regions)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.parquet" for name in SCHEMAS)
    assert digests(earlier) == before


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "seeds.generator", "--people", "3", "--out", str(tmp_path / "x")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: a city has from 100 to 50000000 people\n"
