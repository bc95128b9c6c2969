"""A cockpit's year over gRPC: listed, opened for its price, and asked for day by day."""

from __future__ import annotations

import csv
import json
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import gateway.client as gw
from gateway.cli.app import run
from tests.integration.daily import (
    BUREAU,
    DISTRICTS,
    FIRST,
    PURPOSE,
    Payment,
    Payments,
    day,
    declare,
    series,
    true_days,
)
from tests.integration.site import ROOT, Site, free_port

# the server's clock is the system's: of the ten days since the first, eight or nine are due
DISTRICT = "zju-research"
NAMED = ("subsidies", "paid-by-day", "paid")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("series")
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    declare(
        policies,
        {"paid": series(), "raced": series(), "long": series(first_day=FIRST - timedelta(days=900), days=1200)},
    )
    with (policies / "grants.csv").open("a") as grants:
        grants.write(f"p, g-xihu, {DISTRICT}, subsidies/paid-by-day, release, hangzhou/xihu, {PURPOSE}, , allow\n")
    payments = Payments(folder / "data")
    payments.write(_story())
    site = Site(folder / "site", policies, payments.folder, (BUREAU, DISTRICT, "cockpit-xiacheng"))
    site.prepare()
    site.start()
    yield site
    site.stop()


def _story() -> list[Payment]:
    return [
        Payment(unit, day(1 + (unit + again) % 7), 1_000 + unit, unit % 5) for unit in range(500) for again in (0, 3)
    ]


def test_a_cockpits_days(site: Site) -> None:
    with site.connect(BUREAU) as bureau:
        offered = {one.name: one for one in bureau.list_series(purpose=PURPOSE)}["paid"]
        assert not offered.open and offered.price == {"rho": 2.0}
        assert set(offered.margins) == {
            f"{name}{span}" for name in ("count", "sum(amount_yuan)") for span in ("", " so far", " of 7 days")
        }
        with pytest.raises(gw.GatewayError, match="SERIES_NOT_OPEN") as caught:
            bureau.get_series(*NAMED, purpose=PURPOSE)
        assert isinstance(caught.value, gw.NotNow)
        with pytest.raises(gw.InvalidRequest, match="EPSILON_OUT_OF_RANGE") as wrong:
            bureau.open_series(*NAMED, purpose=PURPOSE, rho=1.5)
        assert wrong.value.violations == (("rho", "is not the price of this series, which is rho=2: agree to that"),)
        assert bureau.open_series(*NAMED, purpose=PURPOSE, **offered.price).open

        days = bureau.get_series(*NAMED, purpose=PURPOSE, spans=[3])
        assert days.days == tuple(day(number) for number in range(1, days.series.message.days_due + 1))
        shown = days.to_arrow()
        assert shown.num_rows == len(days.days) * 5
        assert shown["district"].to_pylist()[:5] == list(DISTRICTS)
        exact = true_days(_story(), 12, 2)
        near = 0
        for row in shown.to_pylist():
            number, place = (row["day"] - FIRST).days + 1, DISTRICTS.index(row["district"])
            assert row["count of 3 days ±95%"] > 0
            for at, column in enumerate(("count", "sum(amount_yuan)")):
                truth = exact.get((number, place), (0, 0))[at]
                near += abs(row[column] - truth) <= row[f"{column} ±95%"]
        assert near >= 0.85 * 2 * shown.num_rows
        (receipt,) = days.receipts
        gw.verify_receipt(receipt)
        assert receipt.rows == len(days.days) * 5 * 3

        # a part of it, later: the very same values, column by column
        again = bureau.get_series(*NAMED, purpose=PURPOSE, first_day=day(4), last_day=day(5)).to_arrow()
        same = [row for row in shown.select(again.column_names).to_pylist() if row["day"] in (day(4), day(5))]
        assert again.to_pylist() == same


def test_long_answers_come_in_parts(site: Site) -> None:
    with site.connect(BUREAU) as bureau:
        bureau.open_series("subsidies", "paid-by-day", "long", purpose=PURPOSE, rho=2.0)
        days = bureau.get_series("subsidies", "paid-by-day", "long", purpose=PURPOSE)
        assert len(days.receipts) == 3 and len(days.days) == days.series.message.days_due
        assert list(days.days) == sorted(set(days.days))


def test_two_processes_show_the_same_days(site: Site) -> None:
    beside = replace(site, port=free_port(), process=None)
    beside.prepare()
    beside.start(fresh=True)
    try:
        named = ("subsidies", "paid-by-day", "raced")
        with site.connect(BUREAU) as one, beside.connect(BUREAU) as other, ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda at: at.open_series(*named, purpose=PURPOSE, rho=2.0), [one, other] * 4))
            shown = list(pool.map(lambda at: at.get_series(*named, purpose=PURPOSE).to_arrow(), [one, other] * 4))
        assert len({each.message.series_id for each in opened}) == 1
        assert shown[0].num_rows and all(each.equals(shown[0]) for each in shown)
    finally:
        beside.stop()


def test_a_stranger_is_told_of_no_series(site: Site) -> None:
    with site.connect("cockpit-xiacheng") as stranger:
        for purpose, dataset in ((PURPOSE, ""), (PURPOSE, "subsidies"), (PURPOSE, "nothing"), ("no-such-purpose", "")):
            with pytest.raises(gw.Refused, match="PURPOSE_NOT_GRANTED") as caught:
                stranger.list_series(purpose=purpose, dataset=dataset)
            assert caught.value.receipt_id and caught.value.nearest is None
        for name in ("paid", "nothing-like-it"):
            with pytest.raises(gw.Refused, match="PURPOSE_NOT_GRANTED"):
                stranger.get_series("subsidies", "paid-by-day", name, purpose=PURPOSE)


def test_a_list_is_of_the_whole_city_like_all_else_or_says_why_there_is_none(site: Site) -> None:
    with site.connect(BUREAU) as bureau:
        (everywhere, *_), (there, *_) = (
            bureau.list_series(purpose=PURPOSE, region=region) for region in ("", "hangzhou/xihu")
        )
        assert (everywhere.message.region, there.message.region) == ("hangzhou", "hangzhou/xihu")
        assert everywhere.message.series_id != there.message.series_id
        for asked, reason in [
            ({"dataset": "nothing"}, "DISCLOSURE_NOT_GRANTED"),
            ({"dataset": "health_cases"}, "DISCLOSURE_NOT_GRANTED"),
            ({"region": "hangzhou/nowhere"}, "REGION_NOT_GRANTED"),
            ({"purpose": ""}, "PURPOSE_MISSING"),
        ]:
            with pytest.raises(gw.GatewayError, match=reason):
                bureau.list_series(**{"purpose": PURPOSE, **asked})
    with site.connect(DISTRICT) as district:
        with pytest.raises(gw.Refused, match="REGION_NOT_GRANTED") as caught:
            district.list_series(purpose=PURPOSE)
        near = caught.value.nearest
        assert near is not None and near.region == "hangzhou/xihu"
        assert district.list_series(purpose=PURPOSE, region=near.region)


def test_where_nothing_granted_has_series_the_list_is_empty(site: Site) -> None:
    with site.connect(BUREAU) as bureau:
        assert bureau.list_series(purpose=PURPOSE, dataset="residents") == ()


def test_what_is_not_well_formed_is_told(site: Site) -> None:
    with site.connect(BUREAU) as bureau:
        with pytest.raises(gw.InvalidRequest, match="REQUEST_INVALID"):
            bureau.get_series(*NAMED, purpose=PURPOSE, spans=[1])
        with pytest.raises(gw.InvalidRequest, match="STATISTIC_NOT_DECLARED"):
            bureau.get_series("subsidies", "paid-by-day", "nothing-like-it", purpose=PURPOSE)


def test_a_cockpits_daily_job_over_the_shipped_policy(
    new_site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_site.start()
    connection = tmp_path / "connect.toml"
    connection.write_text(connection_of(new_site, tmp_path))
    name, common = "subsidies/paid-by-day/paid-2026", ("--for", PURPOSE, "--connect", str(connection))

    assert run(["series", "list", *common]) == 0
    assert "rho=0.1; not open yet" in capsys.readouterr().out
    assert run(["series", "write", name, str(tmp_path / "paid.csv"), *common]) == 5
    assert "SERIES_NOT_OPEN" in capsys.readouterr().err
    assert run(["series", "open", name, "--pay", "rho=1", *common]) == 5
    assert run(["series", "open", name, "--pay", "rho=0.1", *common]) == 0
    signed = tmp_path / "signed"
    signed.mkdir()
    also = ("--certificates", str(signed))
    for file in ("paid.csv", "paid.json", "paid.csv"):
        assert run(["series", "write", name, str(tmp_path / file), "--spans", "7,28", *also, *common]) == 0
    (certificate,) = signed.iterdir()
    with new_site.connect(BUREAU) as bureau:
        (tmp_path / "keys.json").write_bytes(gw.write_signing_keys(bureau.signing_keys()))
    assert run(["release", "verify", str(certificate), "--keys", str(tmp_path / "keys.json")]) == 0
    assert "of the series paid-2026" in capsys.readouterr().out
    assert run(["series", "list", "--json", *common]) == 0
    (told,) = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["open"] and told["days_closed"] == told["days_due"] and told["mechanisms"] == ["integer Gaussian"]

    document = json.loads((tmp_path / "paid.json").read_text())
    with (tmp_path / "paid.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["day"] for row in rows] == [row["day"] for row in document["rows"]]
    assert len(document["days"]) * len(DISTRICTS) == len(rows)
    for row, same in zip(rows, document["rows"], strict=True):
        assert float(row["count so far"]) == same["count so far"]
        assert float(row["sum(amount_yuan) of 28 days ±95%"]) > 0
    assert stat.S_IMODE((tmp_path / "paid.csv").stat().st_mode) == 0o644
    assert sorted(path.name for path in tmp_path.glob("*paid*")) == ["paid.csv", "paid.json"]


def connection_of(site: Site, folder: Path) -> str:
    (folder / "token").write_text(site.token(BUREAU))
    (folder / "token").chmod(0o600)
    return "".join(
        f'{key} = "{value}"\n'
        for key, value in {
            "address": site.target,
            "ca": site.folder / "ca.pem",
            "certificate": site.folder / f"{BUREAU}.pem",
            "key": site.folder / f"{BUREAU}.key",
            "token_file": folder / "token",
        }.items()
    )


def test_mistakes_of_the_commands_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in [
        (["open", "subsidies/paid", "--pay", "rho=1"], "DATASET/DISCLOSURE/SERIES"),
        (["open", "a/b/c", "--pay", "1"], "--pay is no price"),
        (["write", "a/b/c", str(tmp_path / "x.xlsx")], "neither .csv nor .json"),
        (["write", "a/b/c", str(tmp_path / "x.csv"), "--spans", "week"], "--spans are numbers"),
    ]:
        assert run(["series", *arguments, "--for", PURPOSE]) == 2
        assert said in capsys.readouterr().err
