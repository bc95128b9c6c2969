"""`gateway key signing` and `gateway release verify`: what they print, and how they exit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

import gateway.client as gw
from gateway.accountability import jcs
from gateway.accountability.certificates.release import KIND, noised
from gateway.accountability.release import write_plan, write_question
from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.app import run
from gateway.client.certificates import ReleaseCertificate
from tests.conformance.ports.samples import a_release
from tests.unit.cli.key_keeper import SECRET, write_secret


def certify(ring: FileKeyRing) -> ReleaseCertificate:
    """A certificate of a release of one count."""
    release = a_release("ab" * 32)
    values = noised(release)
    statement = jcs.encode(
        {
            **write_question(release),
            "kind": KIND,
            "measures": [{"name": "rows", **write_plan(one.plan)} for one in release.measures],
            "noised_sha256": hashlib.sha256(values).hexdigest(),
            "policy_digest": "cd" * 32,
            "software": {"opendp": "0.16.0"},
        }
    )
    signature = ring.signer.sign(statement)
    return ReleaseCertificate(statement, signature.value, signature.key_id, values)


def test_a_certificate_is_verified_by_the_keys_of_the_key_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_secret(tmp_path / "secret", SECRET)
    ring = FileKeyRing.create(tmp_path / "keys", SECRET.encode(), 2**15)
    assert run(("key", "signing", str(tmp_path / "keys"), "--secret-file", str(tmp_path / "secret"))) == 0
    keys, file = tmp_path / "signing-keys.json", tmp_path / "certificate.json"
    keys.write_text(capsys.readouterr().out)
    assert [key.id for key in gw.read_signing_keys(keys.read_bytes())] == [key.id for key in ring.signer.signing_keys()]
    certificate = certify(ring)

    def verify(held: bytes, *options: str) -> tuple[int, str, str]:
        file.write_bytes(held)
        code = run(("release", "verify", str(file), "--keys", str(keys), *options))
        said = capsys.readouterr()
        return code, said.out, said.err

    code, out, err = verify(certificate.to_json())
    assert (code, err) == (0, "")
    assert "Loses epsilon 1/10, rho 1/200 about each resident" in out
    assert "rows: integer Laplace of scale 20, ± 60 at 95 %" in out
    code, out, _ = verify(certificate.to_json(), "--json")
    assert code == 0 and json.loads(out) == certificate.says

    wrong = {
        "the signature is not that of the certificate": replace(certificate, signature=bytes(64)),
        "a key signed it that is not among those of --keys": replace(certificate, key_id="00" * 32),
        "the values are not those that were signed": replace(certificate, noised=b'{"cells":[],"values":[]}'),
    }
    for words, held in wrong.items():
        code, out, err = verify(held.to_json())
        assert (code, out) == (1, "") and words in err
    assert verify(b"{}")[::2] == (1, f"gateway: {file}: no certificate of a release.\n")
    for rehearsal in (b'{"rehearsal":true,"releaseId":"rehearsal-00"}', b'{"release":{"rehearsal":true}}'):
        code, out, err = verify(rehearsal)
        assert (code, out) == (1, "") and "it is not a release and has no certificate" in err
    keys.write_text("{}")
    code, _, err = verify(certificate.to_json())
    assert code == 2 and "no file of signing keys" in err
