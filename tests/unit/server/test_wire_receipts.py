"""Every outcome, kind and treatment of the model has its own on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest
from google.protobuf.descriptor import EnumDescriptor

from gateway.api.v1 import disclosure_pb2, receipt_pb2, value_pb2
from gateway.client.words import word
from gateway.model.contract import DisclosureKind
from gateway.model.record import Outcome
from gateway.model.treatment import TreatmentKind
from gateway.model.values import FieldType
from gateway.server.wire.receipts import KINDS, OUTCOMES, TREATMENTS
from gateway.server.wire.values import FIELD_TYPES


@pytest.mark.parametrize(
    ("kind", "mapping", "declared"),
    [
        (Outcome, OUTCOMES, receipt_pb2.Outcome.DESCRIPTOR),
        (DisclosureKind, KINDS, disclosure_pb2.DisclosureKind.DESCRIPTOR),
        (TreatmentKind, TREATMENTS, disclosure_pb2.TreatmentKind.DESCRIPTOR),
        (FieldType, FIELD_TYPES, value_pb2.FieldType.DESCRIPTOR),
    ],
    ids=["outcome", "kind", "treatment", "type"],
)
def test_an_enum_and_its_proto_say_the_same(
    kind: type[StrEnum], mapping: Mapping[StrEnum, int], declared: EnumDescriptor
) -> None:
    assert {item: word(declared, number) for item, number in mapping.items()} == {item: item.value for item in kind}
    assert set(mapping.values()) == set(declared.values_by_number) - {0}


def test_a_number_of_a_later_version_stays_a_number() -> None:
    assert word(disclosure_pb2.DisclosureKind.DESCRIPTOR, 99) == "99"
    assert word(disclosure_pb2.DisclosureKind.DESCRIPTOR, 0) == "unspecified"
