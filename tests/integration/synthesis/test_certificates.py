"""Certificates of synthetic extracts: signed once, verified offline, and whatever is altered is noticed."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Never

import pytest

import gateway.client as gw
from gateway.accountability.certificates.synthesis import extract_statement
from gateway.api.v1 import synthesis_service_pb2 as pb
from gateway.cli.app import run
from gateway.client.certificates import key_from
from gateway.client.synthesis import SyntheticExtract
from gateway.lanes import inquiries, syntheses
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.synthesis import JobState, SynthesisJob
from gateway.pipeline import Refused
from gateway.server.wire.releases import signing_key_of
from gateway.server.wire.synthesis import synthesis_of
from seeds.generator import City as SeededCity
from tests.integration.house import House, context, housed
from tests.integration.site import ROOT, Site, institutions_of
from tests.integration.synthesis.test_lane import PURPOSE, RESEARCH, done, requested

DELTA = 1e-6
FILTER = Condition("sector", Operator.IN, ("retail", "catering"))


@dataclass
class Made:
    """An extract that is made, with the files that a reader has of it."""

    house: House
    standing: syntheses.Standing
    rows: Path
    report: Path
    keys: tuple[gw.SigningKey, ...]

    def shown(self, job: SynthesisJob | None = None) -> SyntheticExtract:
        """The extract as the client has it, from the bytes on the wire."""
        written = synthesis_of(job or self.standing.job, self.standing.counts, DELTA).SerializeToString()
        nobody: Any = None
        return SyntheticExtract(nobody, pb.Synthesis.FromString(written), PURPOSE)

    @property
    def certificate(self) -> gw.SynthesisCertificate:
        found = self.shown().certificate
        assert found is not None
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("certified")
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    site = Site(folder / "site", policies, seeded[0], institutions_of(policies))
    site.prepare()
    with housed(site) as house:
        standing = done(house, requested(house, filters=(FILTER,)).job.order.id)
        order = standing.job.order
        rows = folder / "rows.parquet"
        file = house.ports.synthetic_files.rows(order)
        assert file is not None
        with file:
            rows.write_bytes(file.read())
        # as the server writes it, which is as it lies beside the rows
        report = folder / "report.json"
        told = house.ports.synthetic_files.report(order)
        report.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        found = inquiries.signing_keys(house.ports, house.peer(RESEARCH))
        yield Made(house, standing, rows, report, tuple(key_from(signing_key_of(key)) for key in found))


def test_it_says_what_the_rows_are_made_of_and_is_verified_offline(made: Made) -> None:
    extract, certificate = made.shown(), made.certificate
    extract.verify(made.keys, made.rows)
    certificate.verify(made.keys, file=made.rows, report=made.report.read_bytes())
    kept = gw.SynthesisCertificate.from_json(json.dumps(json.loads(certificate.to_json()), indent=2).encode())
    assert kept == gw.read_certificate(certificate.to_json()) == certificate
    says, counts = certificate.says, made.standing.counts
    assert (says["id"], says["counts"], says["loss"]) == (extract.id, counts.id, {"rho": "1/50"})
    assert [one["name"] for one in says["fields"]] == ["eligible", "tier", "amount_yuan"]
    assert [one["fields"] for one in says["tables"]] == [list(table.fields) for table in counts.tables]
    assert all(one["mechanism"] == "integer Gaussian" and one["derivation"] for one in says["tables"])
    assert all(float.fromhex(one["margin_95"]) > 0 for one in says["tables"])
    assert says["policy_digest"] == made.house.ports.policy.current().digest
    assert says["software"]["opendp"].startswith("0.16")
    digest = hashlib.sha256(made.rows.read_bytes()).hexdigest()
    assert says["file"] == {"format": "parquet", "rows": 300, "bytes": made.rows.stat().st_size, "sha256": digest}
    # of who asked it says nothing, nor what the rows were drawn by
    for hidden in (b"li.wei", b"zju", str(counts.seed).encode(), b"seed"):
        assert hidden not in certificate.statement


def test_it_carries_licence_citation_and_what_a_doi_takes(made: Made) -> None:
    extract, published = made.shown(), made.certificate.says["attribution"]
    assert (published["licence"], published["identifier"]) == ("CC-BY-4.0", "10.5072/synthetic-city.subsidies")
    day = made.certificate.says["made_at"][:10]
    assert extract.citation == f"{published['citation']} Synthetic extract {extract.id}, {day}."
    metadata = extract.datacite()
    assert {"creators", "titles", "publisher", "publicationYear", "types"} <= metadata.keys()
    assert metadata["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert metadata["relatedIdentifiers"][0]["relatedIdentifier"] == published["identifier"]
    assert "made of counts that were noised (integer Gaussian)" in metadata["descriptions"][0]["description"]
    extract.message.ClearField("certificate")
    assert extract.citation == ""
    with pytest.raises(ValueError, match="licence"):
        extract.datacite()


HELD: dict[str, Callable[[pb.Synthesis], Any]] = {
    "id": lambda message: setattr(message, "synthesis_id", "0" * 64),
    "counts": lambda message: setattr(message, "counts_id", "0" * 64),
    "dataset": lambda message: setattr(message.plan, "dataset", "residents"),
    "disclosure": lambda message: setattr(message.plan, "disclosure", "other"),
    "fields": lambda message: message.plan.fields.pop(),
    "filters": lambda message: message.plan.filters[0].values.pop(),
    "region": lambda message: setattr(message, "region", "hangzhou/xihu"),
    "unit_kind": lambda message: setattr(message, "privacy_unit", "firm"),
    "data_version": lambda message: setattr(message, "data_version", "00"),
    "loss": lambda message: setattr(message.privacy_loss, "rho", "1/1000"),
    "signature": lambda message: setattr(message.certificate, "signature", bytes(64)),
    "key_id": lambda message: setattr(message.certificate, "key_id", "0" * 64),
    "certificate": lambda message: message.ClearField("certificate"),
}
FILE: dict[str, Callable[[pb.Synthesis], Any]] = {
    "rows": lambda message: setattr(message, "rows", 301),
    "format": lambda message: setattr(message, "format", pb.FILE_FORMAT_CSV),
    "bytes": lambda message: setattr(message, "file_bytes", 1),
    "sha256": lambda message: setattr(message, "file_sha256", "0" * 64),
}
NOT_HELD = {"state", "step", "progress", "failure", "asked_at", "ended_at"}


@pytest.mark.parametrize("part", [*HELD, *FILE])
def test_whatever_is_altered_is_noticed(made: Made, part: str) -> None:
    extract = made.shown()
    alter = HELD[part] if part in HELD else FILE[part]
    alter(extract.message)
    with pytest.raises(gw.CertificateMismatch) as caught:
        extract.verify(made.keys, made.rows)
    assert caught.value.part == (part if part in HELD else "file")


def test_every_field_is_held_or_listed_as_not_held() -> None:
    held = {"synthesis_id", "counts_id", "plan", "region", "rows", "format", "file_bytes", "file_sha256"}
    held |= {"privacy_loss", "privacy_unit", "data_version", "certificate"}
    assert {field.name for field in pb.Synthesis.DESCRIPTOR.fields} == held | NOT_HELD
    reference = (ROOT / "docs/reference/release-certificates.md").read_text("utf-8")
    for name in NOT_HELD:
        assert f"`{name}`" in reference


def test_another_file_or_report_is_refused_and_so_is_a_statement_of_another_kind(made: Made, tmp_path: Path) -> None:
    other = tmp_path / "rows.parquet"
    data = bytearray(made.rows.read_bytes())
    data[len(data) // 2] ^= 1
    other.write_bytes(data)
    with pytest.raises(gw.CertificateMismatch, match="file differs"):
        made.shown().verify(made.keys, other)
    certificate = made.certificate
    with pytest.raises(gw.CertificateMismatch, match="report differs"):
        certificate.verify(made.keys, report=made.report.read_bytes() + b" ")
    forged = certificate.statement.replace(b'"rho":"1/50"', b'"rho":"1/99"')
    with pytest.raises(gw.CertificateMismatch, match="signature"):
        replace(certificate, statement=forged).verify(made.keys)
    # what was signed of a release is not taken for an extract
    released = b'{"kind":"purpose-gateway release certificate 1"}'
    signature = made.house.ports.signer.sign(released)
    with pytest.raises(gw.CertificateMismatch, match="kind"):
        gw.SynthesisCertificate(released, signature.value, signature.key_id).verify(made.keys)


def test_the_command_holds_file_and_report_to_it(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, keys = tmp_path / "certificate.json", tmp_path / "keys.json"
    file.write_bytes(made.certificate.to_json())
    keys.write_bytes(gw.write_signing_keys(made.keys))
    command = ("release", "verify", str(file), "--keys", str(keys))
    assert run((*command, "--file", str(made.rows), "--report", str(made.report))) == 0
    said = capsys.readouterr().out
    assert "Synthetic extract" in said and "300 rows made of these counts, parquet" in said
    assert "count by eligible and tier: integer Gaussian of scale" in said and "Licence CC-BY-4.0" in said
    assert run((*command, "--file", str(made.report))) == 1
    assert "the file is not the one that was signed" in capsys.readouterr().err
    assert run((*command, "--report", str(made.rows))) == 1
    assert "the report is not the one that was signed" in capsys.readouterr().err


def test_the_same_file_has_the_same_certificate_for_ever(made: Made) -> None:
    again = requested(made.house, filters=(FILTER,))
    assert (again.paid, again.job.state) == (False, JobState.DONE)
    assert again.job.file == made.standing.job.file
    other = done(made.house, requested(made.house, filters=(FILTER,), rows=200).job.order.id)
    shown = made.shown(other.job)
    shown.verify(made.keys)
    assert shown.certificate is not None and shown.certificate.says["counts"] == made.standing.counts.id
    with pytest.raises(gw.CertificateMismatch, match="file"):
        shown.verify(made.keys, made.rows)


def test_counts_from_before_there_were_certificates_have_files_without(made: Made) -> None:
    counts, job = made.standing.counts, made.standing.job
    assert job.file is not None
    with pytest.raises(Fault) as caught:
        extract_statement(replace(counts, stated=b""), job.order, job.file, "00" * 32, made.house.clock.now())
    assert caught.value.reason is ErrorReason.INTERNAL
    without = made.shown(replace(job, file=replace(job.file, certificate=None)))
    assert without.certificate is None
    with pytest.raises(gw.CertificateMismatch, match="no certificate"):
        without.verify(made.keys)


def test_what_cannot_be_signed_is_not_there(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(signer: object, statement: bytes) -> Never:
        raise Fault(ErrorReason.KEYS_UNAVAILABLE)

    monkeypatch.setattr(type(made.house.ports.signer), "sign", unable)
    job = requested(made.house, filters=(FILTER,), rows=100).job
    for _ in range(600):
        found = syntheses.look(made.house.ports, made.house.peer(RESEARCH), context(PURPOSE), job.order.id)
        assert not isinstance(found, Refused)
        if found.job.state is JobState.FAILED:
            break
        time.sleep(0.05)
    assert not isinstance(found, Refused)
    assert (found.job.state, found.job.file) == (JobState.FAILED, None)
    assert made.house.ports.synthetic_files.rows(job.order) is None
