"""Synthetic extracts through a real gateway: asked for, made in a process of their own, and given."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

import gateway.client as gw
from gateway.adapters.dev_ca import write_private
from gateway.cli.app import run
from seeds.generator import City as SeededCity
from tests.integration.site import ROOT, Site, institutions_of, values_of
from tests.integration.synthesis.watching import until, workers

RESEARCH = "zju-research"
OTHER = "data-bureau"
PURPOSE = "academic-research"
PLAN = ("subsidies", "synthetic-applications")
FIELDS = ["eligible", "tier", "amount_yuan", "sector", "district"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Site]:
    """A running deployment whose slots are short, and whose claims end soon after the death of a gateway."""
    folder = tmp_path_factory.mktemp("synthesis")
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    contract, grants = policies / "contracts" / "subsidies.yaml", policies / "grants.csv"
    written = contract.read_text("utf-8").replace("slot_ms: 1000", "slot_ms: 300")
    contract.write_text(written.replace("most_rows: 200000", "most_rows: 5000000"), "utf-8")
    also = f"p, g-also, {OTHER}, subsidies/synthetic-applications, release, hangzhou, {PURPOSE}, , allow\n"
    grants.write_text(grants.read_text("utf-8") + also, "utf-8")
    site = Site(folder / "site", policies, seeded[0], institutions_of(policies))
    site.prepare()
    site.config.write_text(site.config.read_text() + "\n[synthesis]\nlease_seconds = 2\n")
    site.start()
    yield site
    assert site.stop() == 0
    assert not workers(site.folder / "synthetic")


def asked(research: gw.Gateway, **changed: Any) -> gw.SyntheticExtract:
    whole: dict[str, Any] = {"purpose": PURPOSE, "rho": 0.02, **changed}
    return research.synthesize(*PLAN, **whole)


def entries(site: Site, table: str, columns: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(site.folder / "state.sqlite")) as state:
        return state.execute(f"SELECT {columns} FROM {table}").fetchall()  # our own constants


def spent(research: gw.Gateway) -> list[str]:
    return [one.spent_rho for one in research.budget(*PLAN[:1], "by-sector", purpose=PURPOSE)]


def left(site: Site, extract: gw.SyntheticExtract) -> list[str]:
    """What there is of an extract in the folder, or of any that is in the making."""
    names = [path.name for path in (site.folder / "synthetic").iterdir()]
    return [name for name in names if name.startswith((".synthesis-", extract.id))]


def test_an_extract_from_its_request_to_its_file(site: Site, tmp_path: Path) -> None:
    with site.connect(RESEARCH) as research:
        (offered,) = [one for one in research.datasets(purpose=PURPOSE) if one.disclosure == PLAN[1]]
        assert (list(offered.synthesis.fields), offered.synthesis.most_rows) == (FIELDS, 5_000_000)
        told: list[tuple[str, float]] = []
        before = research.estimate_synthesis(*PLAN, purpose=PURPOSE, rho=0.3)
        assert spent(research) == ["0/1"] * len(before.budgets_after)
        extract = asked(research, rho=0.3)
        assert extract.charged and extract.receipt is not None
        assert extract.receipt.privacy_loss.rho == "3/10"
        extract.wait(lambda state, progress: told.append((state, progress)), timeout=60)
        assert told[-1] == ("done", 1.0) and all(0 <= progress <= 1 for _, progress in told)
        paid = spent(research)

        # the table is near the truth, in the declared types and of declared values alone
        table = pq.read_table(extract.save(tmp_path / "rows.parquet"))
        assert table.column_names == FIELDS and table.num_rows == extract.message.rows
        assert hashlib.sha256((tmp_path / "rows.parquet").read_bytes()).hexdigest() == extract.message.file_sha256
        truth = Counter(values_of(site.data, "subsidies", "tier"))
        made = Counter(table.column("tier").to_pylist())
        assert set(made) <= {"A", "B", "C", "none"}
        assert abs(made["A"] - truth["A"]) < 100
        amounts: list[Any] = table.column("amount_yuan").to_pylist()
        assert min(amounts) >= 0 and max(amounts) <= 20_000

        # the report compares with noised counts, and says what they cost
        assert len(extract.quality.marginals) == 10 and len(extract.quality.associations) == 10
        # of few people, noise is most of what they differ by
        noise = extract.quality.mean_total_variation_of_noise
        assert 0 < extract.quality.mean_total_variation < 2 * noise
        report = json.loads(extract.report_json)
        assert report["loss"] == {"rho": "3/10", "epsilon": None, "delta": "0/1", "of_rows_and_report": "0/1"}
        assert report["file"]["sha256"] == extract.message.file_sha256

        # all of it was known before: what is counted, its margins, what it costs and what is left
        assert list(before.fields) == FIELDS and (before.rows, before.most_rows) == (0, 5_000_000)
        assert [(list(one.fields), one.cells) for one in before.counts] == [
            (list(one.fields), one.cells) for one in extract.quality.marginals
        ]
        # noise is of integers, and the report's own margin of the law that it is near to
        told_before, reported = ([one.margin_95 for one in each] for each in (before.counts, extract.quality.marginals))
        assert told_before == pytest.approx(reported, abs=1)
        assert before.cells == sum(one.cells for one in extract.quality.marginals)
        assert before.affordable and not before.already_counted and before.privacy_loss.rho == "3/10"
        assert [one.spent_rho for one in before.budgets_after] == paid
        assert (before.max_groups, before.max_rows) == (2, 2)
        assert {one.kind for one in before.coverage} == {
            "no_privacy_unit", "outside_region", "undeclared_key", "clamped", "cells_beyond_limit", "rows_beyond_limit",
        }  # fmt: skip
        after = research.estimate_synthesis(*PLAN, purpose=PURPOSE, rho=0.3, rows=50)
        assert after.already_counted and after.rows == 50 and [one.spent_rho for one in after.budgets_after] == paid

        # the same again, by whoever may ask for it, is the same file at no cost; so is another format of its rows
        again = asked(research, rho=0.3)
        assert (again.id, again.charged, again.state) == (extract.id, False, "done")
        plain = asked(research, rho=0.3, file_format="csv").wait(timeout=60)
        assert not plain.charged and plain.message.counts_id == extract.message.counts_id
        read = csv.read_csv(plain.save(tmp_path / "rows.csv"))
        assert read.column("amount_yuan").to_pylist() == amounts
        few = asked(research, rho=0.3, rows=50).wait(timeout=60)
        assert not few.charged and few.message.rows == 50 and few.id != extract.id
        assert spent(research) == paid

        # a download goes on where it was cut short
        whole = (tmp_path / "rows.parquet").read_bytes()
        (tmp_path / "again.parquet.part").write_bytes(whole[:1000])
        assert extract.save(tmp_path / "again.parquet").read_bytes() == whole
        (tmp_path / "other.parquet.part").write_bytes(b"not of this file")
        assert extract.save(tmp_path / "other.parquet").read_bytes() == whole

    # nobody else learns that it is there
    with site.connect("police") as stranger:
        for call in (stranger.synthesis, stranger.report_on):
            for named in (extract.id, "0" * 64):
                with pytest.raises(gw.NotFound, match="RELEASE_NOT_FOUND"):
                    call(named, purpose=PURPOSE)
        with pytest.raises(gw.NotFound):
            list(stranger.pieces(extract.id, PURPOSE, 0))
        with pytest.raises(gw.NotFound):
            stranger.cancel_it(extract.id, PURPOSE)


def test_the_commands_do_the_same(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_private(tmp_path / "token", site.token(RESEARCH).encode())
    connection = tmp_path / "connect.toml"
    connection.write_text(
        f'address = "{site.target}"\nca = "{site.folder}/ca.pem"\ncertificate = "{site.folder}/{RESEARCH}.pem"\n'
        f'key = "{site.folder}/{RESEARCH}.key"\ntoken_file = "token"\n'
    )

    def gateway(*words: str) -> tuple[int, Any]:
        code = run(["synthesis", *words, "--for", PURPOSE, "--connect", str(connection), "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    priced = ("request", *PLAN, "--rho", "0.02", "--fields", "tier,eligible")
    code, asked_for = gateway(*priced, "--rows", "300", "--format", "csv")
    assert (code, asked_for["charged"], asked_for["fields"]) == (0, True, ["eligible", "tier"])
    target, report, signed = (tmp_path / name for name in ("rows.csv", "report.json", "certificate.json"))
    files = (str(target), "--report", str(report), "--certificate", str(signed))
    code, fetched = gateway("fetch", asked_for["id"], *files)
    assert (code, fetched["state"], fetched["bytes"]) == (0, "done", target.stat().st_size)
    assert fetched["written"] == {"rows": str(target), "report": str(report), "certificate": str(signed)}
    with site.connect(RESEARCH) as research:
        keys = research.signing_keys()
    certificate = gw.SynthesisCertificate.from_json(signed.read_bytes())
    certificate.verify(keys, file=target, report=report.read_bytes())
    assert target.read_text().splitlines()[0] == '"eligible","tier"' and json.loads(report.read_text())["quality"]
    assert gateway("status", asked_for["id"], "--wait")[1]["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    code, again = gateway(*priced, "--rows", "200000")
    assert (code, again["charged"]) == (0, False)
    code, ended = gateway("cancel", again["id"])
    assert (code, ended["state"]) == (0, "cancelled")
    # what is done is not said to be cancelled
    options = ("--for", PURPOSE, "--connect", str(connection))
    assert run(["synthesis", "cancel", asked_for["id"], *options]) == 1
    said = capsys.readouterr()
    assert "nothing was cancelled: the extract is done" in said.err
    assert "done, 100%" in said.out and "cancelled" not in said.out
    assert (
        run(["synthesis", "fetch", asked_for["id"], str(target), "--for", PURPOSE, "--connect", str(connection)]) == 0
    )
    assert f"rows in {target}" in capsys.readouterr().out
    assert gateway("status", again["id"], "--wait") == (5, None)
    assert gateway("status", "0" * 64) == (5, None)
    assert gateway("request", *PLAN) == (2, None)
    assert gateway("estimate", *PLAN) == (2, None)
    code, estimated = gateway("estimate", *PLAN, *priced[3:])
    assert (code, estimated["fields"], estimated["already_counted"]) == (0, ["eligible", "tier"], True)
    assert [one["fields"] for one in estimated["counts"]] == [["eligible", "tier"]]
    words = ("--for", PURPOSE, "--connect", str(connection), "--rho", "0.1")
    assert run(["synthesis", "estimate", *PLAN, *words]) == 0
    assert "rho 1/10, would be charged" in (out := capsys.readouterr().out) and "rows at 95 %" in out


def refusals() -> Iterator[tuple[dict[str, Any], str, str]]:
    yield {"rho": 0.6}, "EPSILON_OUT_OF_RANGE", "rho must lie between"
    yield {"rho": None, "epsilon": 1.5}, "EPSILON_OUT_OF_RANGE", "epsilon must lie between 0.0001 and 1.0"
    yield {"fields": ["sector", "resident_id"]}, "STATISTIC_NOT_DECLARED", "plan.fields[1] is no field that its"
    yield {"fields": ["sector", "sector"]}, "STATISTIC_NOT_DECLARED", "plan.fields[1] is named twice"
    yield {"rows": 5_000_001}, "REQUEST_INVALID", "rows must lie between 1 and 5000000"
    yield {"filters": [("resident_id", "==", "1")]}, "FILTER_NOT_ALLOWED", "plan.filters[0].field is not a field"
    yield {"disclosure": "by-sector"}, "STATISTIC_NOT_DECLARED", "plan.disclosure offers no synthetic rows: List"
    yield {"purpose": "transit-planning"}, "PURPOSE_NOT_GRANTED", ""


def test_what_is_refused_is_said_and_costs_nothing(site: Site) -> None:
    with site.connect(RESEARCH) as research:
        before = spent(research)
        for changed, reason, rule in refusals():
            plan = ("subsidies", changed.pop("disclosure", PLAN[1]))
            with pytest.raises(gw.GatewayError) as caught:
                research.synthesize(*plan, **{"purpose": PURPOSE, "rho": 0.5, **changed})
            assert caught.value.reason == reason and rule in str(caught.value)
            near = caught.value.nearest_synthesis
            assert (near is not None) == (rule.split("[")[0].split(" ")[0] in ("rho", "epsilon", "rows", "plan.fields"))
            if near is not None:
                assert f"this would be accepted: {near}" in str(caught.value)
                assert research.estimate_synthesis(**near.arguments, purpose=PURPOSE).fields
            with pytest.raises(gw.GatewayError, match=reason):
                research.estimate_synthesis(*plan, **{"purpose": PURPOSE, "rho": 0.5, **changed})
        # what a person has left after a first extract does not hold a second of the dearest
        if "3/10" in before:
            with pytest.raises(gw.BudgetExhausted) as exhausted:
                asked(research, rho=0.5, fields=["tier"])
            less = exhausted.value.nearest_synthesis
            assert less is not None and less.rho is not None and less.fields == ("tier",) and less.rho < 0.5
            assert research.estimate_synthesis(**less.arguments, purpose=PURPOSE).affordable
            more = {**less.arguments, "rho": less.rho + 1e-9}
            assert not research.estimate_synthesis(**more, purpose=PURPOSE).affordable
        assert spent(research) == before


def test_a_cancelled_job_is_gone_and_can_be_set_to_work_again_for_nothing(site: Site) -> None:
    with site.connect(RESEARCH) as research, site.connect(OTHER) as other:
        extract = asked(research, rows=4_000_000)
        assert until(lambda: extract.look() == "running" and bool(workers(site.folder / "synthetic")))
        # whoever may ask for the same sees it, and may not end it
        with pytest.raises(gw.InvalidRequest, match="alone cancels"):
            other.cancel_it(extract.id, PURPOSE)
        paid = spent(research)
        assert extract.cancel() == "cancelled"
        with pytest.raises(gw.SynthesisEnded):
            extract.wait(timeout=10)
        with pytest.raises(gw.NotNow, match="SYNTHESIS_NOT_MADE"):
            extract.save(site.folder / "nothing")
        # by itself it would work for minutes
        assert until(lambda: not workers(site.folder / "synthetic") and not left(site, extract))
        again = asked(research, rows=4_000_000)
        assert (again.id, again.charged, again.state) == (extract.id, False, "queued")
        assert again.cancel() == "cancelled"
        assert spent(research) == paid


def test_a_killed_worker_fails_its_job_and_leaves_nothing(site: Site) -> None:
    with site.connect(RESEARCH) as research:
        extract = asked(research, rows=200_000, fields=["tier", "sector", "amount_yuan"])
        assert until(lambda: bool(workers(site.folder / "synthetic")))
        os.kill(workers(site.folder / "synthetic")[0], signal.SIGKILL)
        with pytest.raises(gw.SynthesisEnded) as caught:
            extract.wait(timeout=20)
        assert (caught.value.state, caught.value.failure) == ("failed", "broken")
        assert not left(site, extract)
        again = asked(research, rows=200_000, fields=["tier", "sector", "amount_yuan"])
        assert not again.charged and again.state in ("queued", "running")
        again.cancel()


def test_a_job_outlives_the_gateway_that_worked_on_it(site: Site) -> None:
    with site.connect(RESEARCH) as research:
        extract = asked(research, rows=60_000, fields=["sector", "district", "amount_yuan"])
        assert until(lambda: bool(workers(site.folder / "synthetic")))
    site.kill()
    assert until(lambda: not workers(site.folder / "synthetic"))
    charges = entries(site, "budget_charges", "release_id")
    site.start()
    with site.connect(RESEARCH) as research:
        found = research.synthesis(extract.id, purpose=PURPOSE).wait(timeout=30)
        assert found.message.counts_id == extract.message.counts_id and not found.charged
        # one file, made once more from what was stored: nothing was charged or counted again
        attempts = dict(entries(site, "synthesis_jobs", "job_id, attempts"))
        assert attempts[extract.id] == 2
        assert entries(site, "budget_charges", "release_id") == charges
