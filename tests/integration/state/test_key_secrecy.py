"""Key material is in no repr, no log, no exception with all it leads to, and no pickle."""

from __future__ import annotations

import copy
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.adapters.keys import derivation, file_format
from gateway.adapters.keys import escrow as key_escrow
from gateway.adapters.keys.back_up import restore
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.recovery import recover
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.keys.store import KeyStore, Opener
from gateway.model.errors import Fault
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyUse
from tests.conformance.ports.still_clock import StillClock

SECRET = b"correct horse battery staple"
TAX = PseudonymDomain("hztax", "subsidy-check")
AGENT = X25519PrivateKey.generate()
CODE = Path(file_format.__file__).parents[2]


class House:
    """A ring, what looks after it, and every key of theirs in the clear."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "keys"
        self.clock = StillClock()
        self.ring = FileKeyRing.create(self.path, SECRET, n=2**15, clock=self.clock)
        keys = [self.ring.working_key(domain, use, "text") for domain in (TAX, AUDIT_DOMAIN) for use in KeyUse]
        self.store: KeyStore = self.ring._store
        self.opener: Opener = self.store._opener
        self.keeper = KeyKeeper(self.store)
        document = self.keeper.document()
        self.masters = self.store.masters(document)
        secrets = [derivation.unwrap(self.masters[1], item.wrapped) for item in document.secrets]
        self.keys = self.opener.code_keys(document)
        opening = [self.opener.wrapping_key, self.keys.own, self.keys.recovery]
        self.signer = self.ring.signer
        self.signer.signing_keys()
        pair = self.keeper.document().signing
        assert pair is not None
        signing = derivation.unwrap(self.masters[1], pair.wrapped)
        self.hidden = [signing, *keys, *secrets, *self.masters.values(), *opening, SECRET, AGENT.private_bytes_raw()]
        self.escrowed = key_escrow.Escrowed(self.masters)

    def shown(self, text: str) -> list[bytes]:
        """Return the keys of which some part is in a text, as text, in hex or as Python writes bytes."""
        found = []
        for key in self.hidden:
            parts = [key[at : at + 8] for at in range(0, len(key) - 7, 8)]
            if any(form in text for part in parts for form in (part.hex(), repr(part)[2:-1], part.decode("latin-1"))):
                found.append(key)
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def holders(house: House) -> Iterator[object]:
    yield house.ring
    yield house.keeper
    yield house.store
    yield house.opener
    yield house.keys
    yield house.escrowed
    yield house.ring._current
    yield house.signer


def test_the_search_for_keys_finds_them(house: House) -> None:
    for key in house.hidden:
        for text in (key.hex(), repr(key), key.decode("latin-1")):
            assert key in house.shown(f"so {text} it is")
    assert house.shown(repr(vars(house)["masters"])) != []


def test_no_repr_shows_a_key(house: House) -> None:
    for holder in (*holders(house), house.keeper.document(), house.store.read()):
        for text in (repr(holder), str(holder), format(holder), repr([holder])):
            assert house.shown(text) == []
    document = house.keeper.document()
    for wrapped in [item.wrapped for item in document.masters] + [item.wrapped for item in document.secrets]:
        assert repr(wrapped[:8])[2:-1] not in repr(document)
    assert document.signing is not None and repr(document.signing.wrapped[:8])[2:-1] not in repr(document)


def test_no_holder_of_keys_is_copied_or_pickled(house: House) -> None:
    for holder in holders(house):
        for copying in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be copied or pickled"):
                copying(holder)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError):
                pickle.dumps({"deep": [holder]}, protocol)


def attempts(house: House) -> dict[str, Callable[[], object]]:
    path = house.path

    def written(data: bytes) -> None:
        path.write_bytes(data)

    document, _, _ = file_format.read(path.read_bytes())
    swapped = file_format.write(
        # authentic, and yet no secret opens under its master
        type(document)(
            document.suite, document.stretching, document.masters,
            tuple(type(item)(item.domain, 1, item.made_at, bytes(40)) for item in document.secrets),
        ),
        house.keys,
    )  # fmt: skip
    good = path.read_bytes()
    escrow = house.keeper.escrow(AGENT.public_key())
    fresh = house.path.with_name("fresh")

    def broken_secret() -> object:
        written(swapped)
        return house.ring.working_key(TAX, KeyUse.TOKEN_SIV, "other")

    def broken_rotation() -> object:
        written(swapped)
        return house.keeper.rotate(timedelta(days=1))

    def broken_file() -> object:
        written(good[:-30])
        return FileKeyRing.open(path, SECRET)

    def broken_signature() -> object:
        written(good[:-30])
        return house.signer.sign(b"a statement")

    return {
        "a text that is none": lambda: house.ring.working_key(TAX, KeyUse.TOKEN_SIV, "\ud800"),
        "a domain that is none": lambda: house.ring.working_key(PseudonymDomain("\ud800", ""), KeyUse.TOKEN_SIV, ""),
        "another version": lambda: house.ring.working_key(TAX, KeyUse.TOKEN_SIV, "text", 7),
        "the own domain": lambda: house.ring.destroy(AUDIT_DOMAIN),
        "a day to come": lambda: house.ring.expire_epochs(date(2999, 1, 1)),
        "a window of less than nothing": lambda: house.keeper.rotate(timedelta(days=-1)),
        "another agent": lambda: recover(path, escrow, X25519PrivateKey.generate(), fresh, SECRET, 2**15),
        "a weak work factor": lambda: recover(path, escrow, AGENT, fresh, SECRET, 2),
        "no back-up": lambda: restore(path, fresh, SECRET),
        "the file again": lambda: FileKeyRing.create(path, SECRET, 2**15),
        "no folder": lambda: FileKeyRing.create(path / "x" / "y", SECRET, 2**15),
        "secrets of nobody": broken_secret,
        "a rotation of them": broken_rotation,
        "a cut file": broken_file,
        "a signature of a cut file": broken_signature,
    }


def everything(error: BaseException) -> Iterator[str]:
    """Yield what an exception shows, leads to, and holds in the frames of the gateway's code."""
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None:
            continue
        yield from (str(each), repr(each), repr(each.args), repr(getattr(each, "__notes__", [])))
        waiting += [each.__cause__, each.__context__]
        trace: TracebackType | None = each.__traceback__
        while trace is not None:
            if CODE in Path(trace.tb_frame.f_code.co_filename).parents:
                yield from (repr(value) for value in trace.tb_frame.f_locals.values())
            trace = trace.tb_next


NAMES = (
    "a text that is none", "a domain that is none", "another version", "the own domain", "a day to come",
    "a window of less than nothing", "another agent", "a weak work factor", "no back-up", "the file again", "no folder",
    "secrets of nobody", "a rotation of them", "a cut file", "a signature of a cut file",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_exception_carries_or_leads_to_a_key(house: House, name: str, caplog: pytest.LogCaptureFixture) -> None:
    tried = attempts(house)
    assert tuple(tried) == NAMES
    with caplog.at_level(logging.DEBUG), pytest.raises(Fault) as caught:
        tried[name]()
    assert caught.value.__context__ is None and caught.value.__cause__ is None
    for text in everything(caught.value):
        assert house.shown(text) == []
    assert house.shown(caplog.text) == []


def test_no_log_line_is_written_about_keys(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        house.ring.working_key(PseudonymDomain("new", "new"), KeyUse.TOKEN_SIV, "text")
        house.keeper.rotate(timedelta(days=1))
        house.keeper.escrow(AGENT.public_key())
        house.ring.destroy(TAX)
        FileKeyRing.open(house.path, SECRET).signer.sign(b"a statement")
    assert caplog.text == ""


def test_no_note_of_a_fault_has_a_value_in_it() -> None:
    """Notes reach operators' screens and logs: each is a constant."""
    for module in sorted(CODE.joinpath("adapters").glob("key*.py")):
        source = module.read_text(encoding="utf-8")
        assert re.search(r"\bfault\(\s*(?!\"|note)", re.sub(r"def fault\(", "", source)) is None, module.name
        assert "fault(f" not in source
