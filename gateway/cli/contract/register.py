"""`gateway contract list`: the register of datasets, from their contracts alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.counting import counted
from gateway.cli.policy.folder import valid_folder
from gateway.model.contract import DataContract
from gateway.policy.contracts.quality import stated


@dataclass(frozen=True, slots=True)
class Entry:
    """What the register says of one dataset. `classification` counts its fields; `freshness_hours` None: no promise."""

    dataset: str
    title_en: str
    title_zh: str
    status: str
    controller: str
    steward: str
    domain: str
    classification: dict[str, int]
    freshness_hours: int | None
    retention_days: int | None
    quality: list[dict[str, str]]
    privacy_unit: str
    disclosures: dict[str, str]
    collected_for: list[str]


def list_(folder: Path = Path("policies"), /, *, json_: bool = False) -> None:
    """List every dataset that has a contract: who answers for it, what it holds, and what is promised of it.

    It reads contracts and no data. Exits with 0, 2 if there is no such folder, 3 if it is not a valid policy.

    Parameters
    ----------
    folder
        The policy folder.
    json_
        Print JSON.
    """
    contracts = valid_folder(folder).contracts
    entries = [entry(contracts[name]) for name in sorted(contracts)]
    if json_:
        print_json({"datasets": [asdict(one) for one in entries]})
        return
    for one in entries:
        print("\n".join([_headline(one), *(f"    {name:15}{text}" for name, text in _lines(one) if text), ""]))
    print(f"{counted(len(entries), 'dataset')}, {sum(one.status == 'active' for one in entries)} active.")


def entry(contract: DataContract) -> Entry:
    """Return what the register says of a dataset."""
    return Entry(
        dataset=contract.dataset,
        title_en=contract.title_en,
        title_zh=contract.title_zh,
        status=contract.status.value,
        controller=contract.controller,
        steward=contract.steward,
        domain=contract.domain,
        classification=dict(sorted(Counter(spec.classification.value for spec in contract.fields.values()).items())),
        freshness_hours=contract.freshness_hours,
        retention_days=contract.retention_days,
        quality=[
            {"field": rule.field, "name": rule.name, "dimension": rule.dimension, "rule": stated(rule)}
            for rule in contract.quality
        ],
        privacy_unit=f"{contract.privacy_unit.kind} in {contract.privacy_unit.field}",
        disclosures={name: spec.kind.value for name, spec in contract.disclosures.items()},
        collected_for=list(contract.collected_for),
    )


def _headline(one: Entry) -> str:
    title = one.title_en if one.title_en == one.title_zh else f"{one.title_en} {one.title_zh}"
    return f"{one.dataset}: {title} ({one.status})"


def _lines(one: Entry) -> list[tuple[str, str]]:
    rules = [
        f"{rule['field'] or 'the dataset'}: {rule['rule'] or rule['name'] or rule['dimension']}" for rule in one.quality
    ]
    return [
        ("controller", one.controller),
        ("steward", one.steward),
        ("domain", one.domain),
        ("fields", ", ".join(f"{count} {kind}" for kind, count in one.classification.items())),
        ("freshness", "" if one.freshness_hours is None else f"within {counted(one.freshness_hours, 'hour')}"),
        ("retention", "" if one.retention_days is None else counted(one.retention_days, "day")),
        ("quality", "; ".join(rules)),
        ("privacy unit", one.privacy_unit),
        ("disclosures", ", ".join(f"{name} ({kind})" for name, kind in one.disclosures.items())),
        ("collected for", ", ".join(one.collected_for)),
    ]
