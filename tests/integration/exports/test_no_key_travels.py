"""Keys go by reference: none is in what is sent to Spark, in a file of an export, or in the log; workers have them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark import cloudpickle

from gateway.adapters.exports.folder import ExportFolders
from gateway.adapters.keys.derivation import unwrap
from gateway.adapters.keys.elsewhere import KeyFileElsewhere
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.spark.exports import SparkExports
from gateway.adapters.spark.parts import WritePart
from gateway.adapters.spark.sessions import Session
from gateway.model.calendar import city_day
from gateway.model.errors import Fault
from gateway.model.export import StagedPart, StagingPlace
from gateway.model.plan import RowPlan
from gateway.model.pseudonym import AUDIT_DOMAIN, PseudonymDomain, Renewal
from gateway.ports import KeyUse
from gateway.ports.exports import Reading, RowWork
from tests.integration.exports.register import ASKING, PURPOSE, asked, making, nothing_is_left
from tests.integration.house import House
from tests.integration.site import SECRET

_pickled: Any = cloudpickle.dumps


class _Seen:
    """A reading, of which is seen what travels."""

    def __init__(self, reading: Reading, seen: list[WritePart]) -> None:
        self._reading, self._seen = reading, seen

    def stage(self, work: RowWork, schema: pa.Schema, place: StagingPlace) -> Iterator[StagedPart]:
        self._seen.append(WritePart(work, schema, schema, place))
        return self._reading.stage(work, schema, place)


class _Seeing:
    """An engine, of which is seen what travels."""

    def __init__(self, engine: SparkExports) -> None:
        self._engine = engine
        self.seen: list[WritePart] = []

    def reading(self, plan: RowPlan) -> _Seen | None:
        found = self._engine.reading(plan)
        return None if found is None else _Seen(found, self.seen)


def written(secret: bytes) -> set[bytes]:
    """The ways in which somebody might write a secret, and halves of it."""
    halves = (secret, secret[:16], secret[-16:]) if len(secret) >= 32 else (secret,)
    return {
        way
        for one in halves
        for way in (one, one.hex().encode(), base64.b64encode(one).rstrip(b"="), repr(one)[2:-1].encode())
    }


def secrets_of(house: House, work: RowWork) -> dict[str, bytes]:
    """Every secret by which tokens and tags are made: the operator's, master keys, those of domains, working keys."""
    ring = house.ports.keys
    assert isinstance(ring, FileKeyRing)
    current = ring._latest()
    found = {"the secret of the key file": SECRET}
    found |= {f"master {version}": key for version, key in current.masters.items()}
    newest = current.masters[current.document.newest.version]
    found |= {f"secret of {domain}": unwrap(newest, item.wrapped) for domain, item in current.secrets.items()}
    found |= {f"working key {about}": key for about, key in current.cache.items()}
    for name in work.keys.names:  # type: ignore[attr-defined]
        key = ring.working_key(name.domain, name.use, name.field_form, name.version)
        found[f"working key {name.use} {name.field_form}"] = key
    return found


def test_no_key_is_in_what_travels_or_stays(
    exporting: House, folder: ExportFolders, spark: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = exporting.ports.exports
    assert exports is not None
    seeing = _Seeing(exports.engine)  # type: ignore[arg-type]
    house = replace(exporting, ports=replace(exporting.ports, exports=replace(exports, engine=seeing)))
    plans: list[bytes] = []
    begun = Session._begun

    def watched(session: Session, data: object, tag: str) -> object:
        plans.append(data._plan.to_proto(session.spark.client).SerializeToString())  # type: ignore[attr-defined]
        return begun(session, data, tag)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "_begun", watched)
    under_way = making(house, asked())
    list(under_way)
    (part,) = seeing.seen
    secrets = secrets_of(house, part.work)
    uses = {name.use for name in part.work.keys.names}  # type: ignore[attr-defined]
    assert uses == {
        KeyUse.MANIFEST, KeyUse.TOKEN_FORMAT, KeyUse.TOKEN_BLOCK, KeyUse.TOKEN_SIV, KeyUse.TOKEN_IRREVERSIBLE
    }  # fmt: skip
    assert len(plans) == 1 and b"WritePart" in plans[0], "what is searched is what was sent"
    places = {"the pickle": _pickled(part), "the plan of Spark": plans[0], "its text": repr(part).encode()}
    places |= {str(file): file.read_bytes() for file in folder.path.rglob("*") if file.is_file()}
    state = exporting.site.folder
    places |= {file.name: file.read_bytes() for file in state.glob("state.sqlite*")}
    for name, secret in secrets.items():
        for place, held in places.items():
            assert not any(way in held for way in written(secret)), f"{name} is in {place}"
    assert len(secrets) > 8 and len(places) > 4


@pytest.mark.parametrize("filled", [False, True])
def test_workers_take_no_other_keys_for_the_gateways(
    exporting: House, folder: ExportFolders, tmp_path: Path, filled: bool
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    ring = FileKeyRing.create(other / "keys.json", SECRET, 2**15)
    if filled:  # with keys of the same names
        recipient = PseudonymDomain(ASKING, PURPOSE)
        day = city_day(exporting.clock.now())
        for domain in (AUDIT_DOMAIN, recipient, recipient.at(Renewal.DAILY, day)):
            ring.working_key(domain, KeyUse.MANIFEST, "any")
    (other / "secret").write_bytes(SECRET)
    (other / "secret").chmod(0o600)
    before = (other / "keys.json").read_bytes()
    exports = exporting.ports.exports
    assert exports is not None
    elsewhere = KeyFileElsewhere(other / "keys.json", other / "secret")
    house = replace(exporting, ports=replace(exporting.ports, exports=replace(exports, elsewhere=elsewhere)))
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        list(making(house, asked()))
    assert nothing_is_left(folder)
    assert (other / "keys.json").read_bytes() == before, "and make none"


def test_a_worker_is_given_the_keys_that_were_named_and_no_others(exporting: House) -> None:
    exports = exporting.ports.exports
    assert exports is not None
    seeing = _Seeing(exports.engine)  # type: ignore[arg-type]
    house = replace(exporting, ports=replace(exporting.ports, exports=replace(exports, engine=seeing)))
    under_way = making(house, asked(fields=("sex", "resident_id")))
    under_way.close()
    named = seeing.seen[0].work.keys  # type: ignore[attr-defined]
    opened = cloudpickle.loads(_pickled(named)).open()
    for name in named.names:
        expected = exporting.ports.keys.working_key(name.domain, name.use, name.field_form, name.version)
        assert opened.working_key(name.domain, name.use, name.field_form) == expected
    for use in (KeyUse.CONSENT, KeyUse.PERTURB, KeyUse.TOKEN_IRREVERSIBLE):
        with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
            opened.working_key(named.names[0].domain, use, named.names[0].field_form)
