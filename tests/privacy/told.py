"""What recipients are told of the city's people over a channel: a policy that tells much, and who asks by it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import gateway.client as gw
from gateway.api.v1 import receipt_pb2
from tests.integration.house import edit
from tests.integration.site import ROOT, Site, institutions_of
from tests.privacy.detectors import ByPerson, is_id

ASKING, OTHER = "cleaning-contractor", "data-bureau"
CLEANING, HOTELS = "data-cleaning", "hotel-registration"
BUREAU, SETTLING = "medical-insurance-bureau", "medical-settlement"
MAX_KEYS = 100

TREATMENTS = {
    "tokens": "pseudonymize",
    "codes": "{pseudonymize: {token: irreversible}}",
    "lookalikes": "{pseudonymize: {token: format-preserving, check: valid}}",
    "never-valid": "{pseudonymize: {token: format-preserving, check: never-valid}}",
}
RENEWED = {
    f"{renewed}-{name}": f"{{pseudonymize: {{token: {token}, renewed: {renewed}}}}}"
    for renewed in ("daily", "monthly", "yearly")
    for name, token in (
        ("tokens", "reversible"),
        ("codes", "irreversible"),
        ("lookalikes", "format-preserving, check: valid"),
    )
}
ANONYMITY = {
    "alone": "{k: 6}",
    "alike": "{k: 6, l: {diagnosis: 5}}",
    "far": "{k: 6, t: {diagnosis: 0.3}}",
    "all-three": "{k: 6, l: {diagnosis: 5}, t: {diagnosis: 0.3}}",
}
K, L, T = 6, 5, 0.3

_EXTRACT = """
        {name}:
          kind: extract
          description: For the test.
          fields:
            resident_id: {how}
            phone: {{keep: {{justification: "By the phone the test knows who is who."}}}}
          waive_noise: "For the test."
"""
_OTHER_FORMS = """
        other-forms:
          kind: extract
          description: For the test.
          fields:
            phone: pseudonymize
            address: pseudonymize
          waive_noise: "For the test."

        by-token:
          kind: lookup
          description: For the test.
          lookup_keys: [resident_id]
          lookup_by: [token]
          fields:
            sex: keep
          waive_noise: "For the test."
"""
_CROWD = """
        {name}:
          kind: extract
          description: For the test.
          fields:
            diagnosis: keep
            amount_fen: keep
            insurance_class: keep
            community: {{generalize: district}}
          waive_noise: "For the test."
          anonymity: {anonymity}
"""


def telling_policy(folder: Path) -> Path:
    """Copy the product's policy to a folder, with disclosures and grants of the tests added to it."""
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    offered = {
        "residents": "".join(_EXTRACT.format(name=name, how=how) for name, how in {**TREATMENTS, **RENEWED}.items())
        + _OTHER_FORMS,
        "hospital_bills": "".join(_CROWD.format(name=name, anonymity=how) for name, how in ANONYMITY.items()),
    }
    for dataset, texts in offered.items():
        edit(policies / "contracts" / f"{dataset}.yaml", "\n      disclosures:\n", "\n      disclosures:\n" + texts)
    grants = [
        (who, f"residents/{name}", "extract", why, "")
        for name in TREATMENTS
        for who in (ASKING, OTHER)
        for why in (CLEANING, HOTELS)
    ]
    grants += [(ASKING, f"residents/{name}", "extract", CLEANING, "") for name in (*RENEWED, "other-forms")]
    grants += [(ASKING, "residents/by-token", "lookup", CLEANING, f";max_keys={MAX_KEYS}")]
    grants += [(BUREAU, f"hospital_bills/{name}", "extract", SETTLING, "") for name in ANONYMITY]
    lines = [
        f"p, g-test-{number}, {who}, {what}, {kind}, hangzhou, {why}, until=2036-03-31{more}, allow\n"
        for number, (who, what, kind, why, more) in enumerate(grants)
    ]
    edit(policies / "grants.csv", "\np, g-address-cleaning,", "\n" + "".join(lines) + "p, g-address-cleaning,")
    return policies


def telling_site(folder: Path, data: Path) -> Site:
    """A deployment under that policy, prepared and not started."""
    policies = telling_policy(folder)
    site = Site(folder / "site", policies, data, institutions_of(policies))
    site.prepare()
    return site


@dataclass(frozen=True)
class Told:
    """A gateway that serves, and whose phone is whose: 3,900 people of the city, by the phone the raw id."""

    connect: Callable[[str], gw.Gateway]
    ids: Mapping[str, str]
    held: dict[tuple[str, str, str], ByPerson] = field(default_factory=dict)

    @classmethod
    def by(cls, connect: Callable[[str], gw.Gateway], data: Path) -> Told:
        """Read whose phone is whose from the city's own table."""
        rows = pq.read_table(data / "residents.parquet", columns=["resident_id", "phone"]).to_pylist()
        people = {row["phone"]: row["resident_id"] for row in rows if row["phone"] and is_id(row["resident_id"])}
        return cls(connect, MappingProxyType(people))

    def ask(self, name: str, recipient: str = ASKING, purpose: str = CLEANING) -> ByPerson:
        """What a recipient gets for everybody, or got before: by the raw id, which the test alone can tell."""
        asked = (name, recipient, purpose)
        if asked not in self.held:
            self.held[asked] = self.ask_anew(*asked)
        return self.held[asked]

    def ask_anew(self, name: str, recipient: str = ASKING, purpose: str = CLEANING) -> ByPerson:
        """What a recipient gets now."""
        with self.connect(recipient) as gateway:
            table = gateway.extract("residents", name, purpose=purpose).read_all()
        pairs = zip(*(texts(table.column(name)) for name in ("phone", "resident_id")), strict=True)
        known = {self.ids[phone]: token for phone, token in pairs if phone in self.ids}
        assert len(known) == len(self.ids) > 3000
        return dict(sorted(known.items()))

    def of_other_forms(self) -> list[str]:
        """The recipient's own tokens of phones and addresses."""
        with self.connect(ASKING) as gateway:
            table = gateway.extract("residents", "other-forms", purpose=CLEANING).read_all()
        return [*texts(table.column("phone")), *texts(table.column("address"))]

    def answered(self, tokens: Sequence[str]) -> int:
        """How many of these tokens are answered with somebody, when the recipient looks them up as residents."""
        found = 0
        with self.connect(ASKING) as gateway:
            for start in range(0, len(tokens), MAX_KEYS):
                some = tokens[start : start + MAX_KEYS]
                answer = gateway.lookup("residents", "by-token", purpose=CLEANING, by="resident_id", tokens=some)
                assert len(answer.subjects) == len(some)
                found += sum(bool(subject.num_rows) for subject in answer.subjects)
        return found

    def crowd(self, name: str, **narrowed: Any) -> tuple[list[dict[str, Any]], receipt_pb2.Receipt]:
        """The rows of an extract that too few must not share, and the receipt of what left."""
        with self.connect(BUREAU) as gateway:
            extract = gateway.extract("hospital_bills", name, purpose=SETTLING, **narrowed)
            rows: list[dict[str, Any]] = extract.read_all().to_pylist()
            return rows, extract.receipt


def texts(column: pa.StringArray | pa.ChunkedArray[Any]) -> list[str]:
    """A column without NULL as a list."""
    return [str(value) for value in column.to_pylist()]
