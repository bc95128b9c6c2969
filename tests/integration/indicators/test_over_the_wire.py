"""Indicators over TLS: the client's calls and the commands against a gateway process."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest

import gateway.client as gw
from gateway.api.v1 import disclosure_pb2, indicator_service_pb2, indicator_service_pb2_grpc
from gateway.cli.app import run
from tests.integration.house import edit
from tests.integration.indicators import narrow
from tests.integration.indicators.register import CITY, COCKPITS, PURPOSE, STREET, communities, write
from tests.integration.site import ROOT, SERVE, Site

NAMED = ("residents", "living-here")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, int]]]:
    folder = tmp_path_factory.mktemp("live")
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    contract = policies / "contracts" / "residents.yaml"
    contract.write_text(contract.read_text().replace("refresh_seconds: 60", "refresh_seconds: 1"))
    people = dict.fromkeys(communities(policies), 30) | {f"{STREET}/c01": 3}
    write(folder / "data", people)
    site = Site(folder / "site", policies, folder / "data", tuple(COCKPITS))
    site.prepare()
    site.start()
    yield site, people
    site.stop()


def test_a_snapshot_says_what_it_shows_and_has_a_receipt(served: tuple[Site, dict[str, int]]) -> None:
    site, _ = served
    with site.connect("cockpit-wulin") as gateway:
        found = gateway.read_indicator(*NAMED, purpose=PURPOSE, region=STREET)
        assert (
            found.about.least_units == 10 and found.about.region == STREET and "head counts" in found.about.noise_waived
        )
        assert found.value(STREET) == 63 and found.value(f"{STREET}/c01") is None
        assert sum(one.values is None for one in found.figures.values()) == 2
        assert gateway.receipt(found.receipt.receipt_id) == found.receipt
        assert found.receipt.noise_waived


def test_a_watch_tells_what_changes_and_survives_what_does_not(served: tuple[Site, dict[str, int]]) -> None:
    site, people = served
    with site.connect("cockpit-hangzhou") as gateway:
        stream = gateway.watch_indicator(*NAMED, purpose=PURPOSE)
        before = next(stream)
        assert before.value(CITY) == sum(people.values())
        grown = people | {f"{STREET}/c03": 90}
        write(site.data, grown)
        after = next(stream)
        stream.close()
    assert after.value(CITY) == sum(grown.values()) and len(after.figures) == len(before.figures)
    assert {one.region for one in after.changed} <= {CITY, "hangzhou/xiacheng", STREET, *people}
    assert len(after.changed) < len(before.figures) and after.version == before.version + 1
    write(site.data, people)


def test_another_period_tells_of_nobody_who_moved_meanwhile(served: tuple[Site, dict[str, int]]) -> None:
    site, people = served
    contract = site.policies / "contracts" / "residents.yaml"
    with site.connect("cockpit-hangzhou") as gateway:
        while (before := gateway.read_indicator(*NAMED, purpose=PURPOSE)).value(CITY) != sum(people.values()):
            time.sleep(0.1)
        write(site.data, people | {f"{STREET}/c03": people[f"{STREET}/c03"] + 1})
        for old, new in ((1, 2), (2, 1)):
            edit(contract, f"refresh_seconds: {old}}}", f"refresh_seconds: {new}}}")
            site.reload()
            after = before
            while after.about.refresh_seconds != new or after.data_version == before.data_version:
                after = gateway.read_indicator(*NAMED, purpose=PURPOSE)
                time.sleep(0.1)
            assert {place: one.values for place, one in after.figures.items()} == {
                place: one.values for place, one in before.figures.items()
            }
    write(site.data, people)


def test_what_is_too_much_for_one_message_comes_in_several_as_one_update(served: tuple[Site, dict[str, int]]) -> None:
    site, people = served
    with site.connect("cockpit-hangzhou") as gateway:
        whole = gateway.read_indicator(*NAMED, purpose=PURPOSE)
    site.stop()
    site.command = ("-m", "tests.integration.indicators.narrow", "serve")
    site.start()
    try:
        with (
            site.connect("cockpit-hangzhou") as gateway,
            closing(gateway.watch_indicator(*NAMED, purpose=PURPOSE)) as stream,
        ):
            first = next(stream)
            assert list(first.figures) == list(whole.figures) and len(first.changed) == len(first.figures)
            write(site.data, {place: count + 90 for place, count in people.items()})
            after = next(stream)
            assert len(after.changed) > 40 and after.figures.keys() == whole.figures.keys()
            assert after.value(CITY) == sum(people.values()) + 90 * len(people)
            with pytest.raises(gw.CapExceeded, match="ask for a part, or watch"):
                gateway.read_indicator(*NAMED, purpose=PURPOSE)
            part = gateway.read_indicator(*NAMED, purpose=PURPOSE, region=STREET)
            assert part.figures.items() <= after.figures.items()
        assert measured(site) > 1
    finally:
        site.stop()
        site.command = SERVE
        write(site.data, people)
        site.start()


def measured(site: Site) -> int:
    """In how many messages the figures of the whole city come, none of which is larger than it may be."""
    parts = [(site.folder / name).read_bytes() for name in ("ca.pem", "cockpit-hangzhou.key", "cockpit-hangzhou.pem")]
    context = disclosure_pb2.RequestContext(purpose=PURPOSE)
    asked = indicator_service_pb2.WatchIndicatorRequest(context=context, dataset=NAMED[0], disclosure=NAMED[1])
    with grpc.secure_channel(site.target, grpc.ssl_channel_credentials(*parts)) as channel:
        stub: Any = indicator_service_pb2_grpc.IndicatorServiceStub(channel)
        metadata = [("authorization", f"Bearer {site.token('cockpit-hangzhou')}")]
        stream = stub.WatchIndicator(asked, metadata=metadata, timeout=30)
        updates = []
        for message in stream:
            if message.HasField("update"):
                assert message.update.ByteSize() <= narrow.BYTES
                assert message.update.receipt.receipt_id and message.update.whole
                updates.append(message.update)
                if not message.update.more:
                    break
        stream.cancel()
    assert len({one.receipt.receipt_id for one in updates}) == 1
    return len(updates)


def test_who_has_no_grant_there_is_refused_before_anything_flows(served: tuple[Site, dict[str, int]]) -> None:
    site, _ = served
    with site.connect("cockpit-wulin") as gateway, pytest.raises(gw.Refused) as refused:
        next(gateway.watch_indicator(*NAMED, purpose=PURPOSE, region=CITY))
    assert refused.value.reason == "REGION_NOT_GRANTED"


def test_the_commands_print_figures(
    served: tuple[Site, dict[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site, people = served
    # what another test wrote may be what was published last, and is shown for the second of a period
    with site.connect("cockpit-hangzhou") as gateway, closing(gateway.watch_indicator(*NAMED, purpose=PURPOSE)) as told:
        assert any(update.value(CITY) == sum(people.values()) for update in told)
    file = tmp_path / "connection.toml"
    who = site.folder / "cockpit-wulin"
    token = tmp_path / "token"
    token.write_text(site.token("cockpit-wulin"))
    token.chmod(0o600)
    file.write_text(
        f'address = "{site.target}"\ncertificate = "{who}.pem"\nkey = "{who}.key"\n'
        f'ca = "{site.folder / "ca.pem"}"\ntoken_file = "{token}"\n'
    )
    about = ["residents/living-here", "--for", PURPOSE, "--region", STREET, "--connect", str(file)]
    assert run(["indicator", "read", *about]) == 0
    printed = capsys.readouterr().out
    assert f"{STREET}  " in printed and "withheld" in printed
    assert run(["indicator", "watch", *about, "--updates", "1", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["region"] for line in lines} == {STREET, *(f"{STREET}/c0{n}" for n in (1, 2, 3))}
