"""Policies of any size for benchmarks of decisions: the product's own folder with many datasets and rules more.

Rules fall on datasets by Zipf's law, the k-th most popular one with a weight of 1/k, and evenly on institutions, roles,
purposes and regions of every level; one in ten has a wildcard. Everything follows from the seed.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from gateway.model.contract import DisclosureKind
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.snapshot import PolicySnapshot, load
from tests.integration.site import ROOT

DATASETS = 50
INSTITUTIONS = 300
ROLES = 30
WILDCARDS = 0.1
DENIES = 0.05

Question = tuple[str, str, DisclosureKind, str, str]
"""Recipient, "dataset/disclosure", kind, region, purpose: what a snapshot is asked."""

_TEMPLATE = Path(__file__).resolve().parent / "policy" / "register.yaml"
_ITS_NAME = re.compile(r"^(dataset: |id: | *- name: )register$", re.MULTILINE)
_DISCLOSURES = (("everybody", DisclosureKind.EXTRACT), ("person", DisclosureKind.LOOKUP))


@dataclass(frozen=True, slots=True)
class Zipf:
    """Draws names, the k-th with a weight of 1/k."""

    names: Sequence[str]
    weights: Sequence[float]

    @staticmethod
    def over(names: Sequence[str]) -> Zipf:
        """Rank the names as they come."""
        return Zipf(names, tuple(accumulate(1 / rank for rank in range(1, len(names) + 1))))

    def draw(self, chance: random.Random) -> str:
        """Return one."""
        return chance.choices(self.names, cum_weights=self.weights)[0]


def write_policy(folder: Path, rules: int, seed: int = 7) -> None:
    """Write a policy folder with so many rules more than the product's own."""
    product = ROOT / "policies"
    folder.mkdir()
    for one in product.iterdir():
        if one.is_file():
            shutil.copy(one, folder)
    shutil.copytree(product / "contracts", folder / "contracts")
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name in _datasets():
        (folder / "contracts" / f"{name}.yaml").write_text(_ITS_NAME.sub(rf"\g<1>{name}", text), encoding="utf-8")
    trees = load(product)
    chance = random.Random(seed)
    with (folder / "grants.csv").open("a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in _lines(rules, trees.regions, trees.purposes, chance))


def questions(policy: PolicySnapshot, number: int, seed: int = 11) -> list[Question]:
    """Return different questions: four of five within a rule drawn at random, the others for anything."""
    chance = random.Random(seed)
    purposes, regions = policy.purposes.ids(), policy.regions.paths()
    who, what = _institutions(), Zipf.over(_datasets())
    members: dict[str, list[str]] = {}
    for institution in _institutions():
        for role in policy.roles.of(institution):
            members.setdefault(role, []).append(institution)
    found: dict[Question, None] = {}
    while len(found) < number:
        if chance.random() < 0.8:
            found[_within(chance.choice(policy.grants), policy, members, chance)] = None
        else:
            name, kind = chance.choice(_DISCLOSURES)
            obj = f"{what.draw(chance)}/{name}"
            found[chance.choice(who), obj, kind, chance.choice(regions), chance.choice(purposes)] = None
    return list(found)


def _within(rule: Grant, policy: PolicySnapshot, members: dict[str, list[str]], chance: random.Random) -> Question:
    dataset, _, name = rule.object.partition("/")
    dataset = chance.choice(_datasets()) if dataset == ANY else dataset
    contract = policy.contracts[dataset]
    fitting = [
        spec for spec in contract.disclosures.values() if name in (spec.name, ANY, "") and rule.kind in (spec.kind, ANY)
    ]
    spec = chance.choice(fitting or list(contract.disclosures.values()))
    recipient = chance.choice(members.get(rule.recipient) or _institutions())
    region = chance.choice(policy.regions.descendants(policy.regions.root.path if rule.region == ANY else rule.region))
    below = policy.purposes.ids() if rule.purpose == ANY else [p.id for p in policy.purposes.descendants(rule.purpose)]
    return (recipient, f"{dataset}/{spec.name}", spec.kind, region.path, chance.choice(below))


def _datasets() -> list[str]:
    return [f"register_{number:03}" for number in range(DATASETS)]


def _institutions() -> list[str]:
    return [f"bureau-{number:03}" for number in range(INSTITUTIONS)]


def _lines(rules: int, regions: RegionTree, purposes: PurposeTree, chance: random.Random) -> Iterator[str]:
    roles = [f"role-{number:02}" for number in range(ROLES)]
    what, who = Zipf.over(_datasets()), [*roles, *_institutions()]
    places, why = regions.paths(), purposes.ids()
    for number in range(rules):
        deny = chance.random() < DENIES
        recipient, dataset, purpose = chance.choice(who), what.draw(chance), chance.choice(why)
        disclosure, kind = chance.choice(_DISCLOSURES)
        obj, kind_, region = f"{dataset}/{disclosure}", kind.value, chance.choice(places)
        if chance.random() < WILDCARDS:
            match chance.choice(("object", "dataset", "kind", "region", "recipient" if deny else "region")):
                case "object":
                    obj = ANY
                case "dataset":
                    obj = f"{dataset}/{ANY}"
                case "kind":
                    kind_ = ANY
                case "region":
                    region = ANY
                case _:
                    recipient = ANY
        until = f"until=20{chance.randrange(30, 40)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 28):02}"
        effect = Effect.DENY if deny else Effect.ALLOW
        terms = "" if deny or chance.random() < 0.5 else until
        yield f"p, b-{number}, {recipient}, {obj}, {kind_}, {region}, {purpose}, {terms}, {effect}"
    # a role is in the one ten places before it; institutions are in up to three
    for place, role in enumerate(roles):
        obj = f"{_datasets()[place % DATASETS]}/person"
        yield f"p, b-of-{role}, {role}, {obj}, lookup, {places[0]}, transit-planning, , allow"
        if place >= 10:
            yield f"g, {role}, {roles[place - 10]}"
    for institution in _institutions():
        for role in chance.sample(roles, chance.randrange(4)):
            yield f"g, {institution}, {role}"
