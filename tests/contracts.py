"""Contracts that tests write as objects: the fields and where they are, and of all else as little as there may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.model.contract import (
    Bounds,
    CanonicalForm,
    Classification,
    ContractStatus,
    DataContract,
    FieldSpec,
    PrivacyUnit,
)
from gateway.model.storage import SourceSpec
from gateway.model.values import FieldType


def plain_fields(types: Mapping[str, FieldType], bounds: Bounds | None = None) -> dict[str, FieldSpec]:
    """Fields of nothing in particular, which may be missing."""
    return {
        name: FieldSpec(name, kind, Classification.OTHER, True, CanonicalForm.TEXT, bounds, None)
        for name, kind in types.items()
    }


def plain_contract(
    dataset: str, source: SourceSpec, fields: Mapping[str, FieldSpec], *, unit: str, region: str | None, **more: Any
) -> DataContract:
    """A contract in force over residents, who are named in a field, without disclosures."""
    return DataContract(
        dataset=dataset,
        status=ContractStatus.ACTIVE,
        title_en=dataset.title(),
        title_zh="数据",
        controller="department",
        steward="steward@department",
        source=source,
        privacy_unit=PrivacyUnit("resident", unit),
        region_field=region,
        retention_days=None,
        fields=fields,
        disclosures={},
        digest=f"{source} {tuple(fields)}",
        **more,
    )
