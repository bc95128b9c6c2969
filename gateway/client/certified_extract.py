"""Holding a synthetic extract as it is shown against its certificate, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.api.v1 import synthesis_service_pb2
from gateway.client.certificates import SynthesisCertificate
from gateway.client.certified import same_conditions, tells, written_loss
from gateway.client.recomputed import same
from gateway.client.words import word


def held_extract(message: synthesis_service_pb2.Synthesis, certificate: SynthesisCertificate) -> None:
    """Hold an extract that is made against a certificate that was verified.

    Raises:
        CertificateMismatch: naming the first part that differs.
    """
    says, plan, loss = certificate.says, message.plan, message.privacy_loss
    shown: Mapping[str, Any] = {
        "id": message.synthesis_id,
        "counts": message.counts_id,
        "dataset": plan.dataset,
        "disclosure": plan.disclosure,
        "region": message.region,
        "unit_kind": message.privacy_unit,
        "data_version": message.data_version,
        "loss": written_loss(loss.rho, loss.epsilon, loss.spent_delta),
        "file": {
            "format": word(synthesis_service_pb2.FileFormat.DESCRIPTOR, message.format),
            "rows": message.rows,
            "bytes": message.file_bytes,
            "sha256": message.file_sha256,
        },
    }
    for name, value in shown.items():
        same(name, says.get(name) == value)
    same("loss", tells(loss))
    same("fields", [*plan.fields] == [one["name"] for one in says["fields"]])
    same("filters", same_conditions(plan.filters, says["filters"]))
