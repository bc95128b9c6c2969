"""FF1 against NIST's samples and Project Wycheproof: see vectors/ff1/README.md."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.kernels.ciphers import AesCipher
from gateway.kernels.ff1 import FF1

VECTORS = Path(__file__).parent / "vectors" / "ff1"
SAMPLES = json.loads((VECTORS / "nist-samples.json").read_text())
FILES = sorted(path.name for path in VECTORS.glob("aes_ff1_*.json"))
REFUSED = {
    "InvalidKeySize": "AES key",
    "InvalidMessageSize": "a million strings",
    "SmallMessageSize": "a million strings",
    "InvalidPlaintext": "outside the radix",
}
COMPUTED = {"NormalMessageSize", "LargeMessageSize", "EdgeCaseState", "EdgeCasePrf"}


def _ff1(key: str, radix: int, length: int, tweak: str) -> FF1:
    return FF1(AesCipher(bytes.fromhex(key)), radix, length, (bytes.fromhex(tweak),))


def _numerals(text: str | list[int], alphabet: str) -> list[int]:
    return [alphabet.find(character) for character in text] if isinstance(text, str) else text


@pytest.mark.parametrize("case", SAMPLES["cases"], ids=lambda case: f"sample-{case['sample']}")
def test_nist_samples(case: dict[str, Any]) -> None:
    plain, enciphered = (np.array([_numerals(case[name], SAMPLES["alphabet"])]) for name in ("plaintext", "ciphertext"))
    ff1 = _ff1(case["key"], case["radix"], plain.shape[1], case["tweak"])
    assert ff1.encrypt(plain).tolist() == enciphered.tolist()
    assert ff1.decrypt(enciphered).tolist() == plain.tolist()


def test_the_files_of_wycheproof_are_there() -> None:
    radixes = {json.loads((VECTORS / name).read_text())["testGroups"][0]["radix"] for name in FILES}
    assert radixes == {10, 16, 26, 32, 36, 45, 62, 64, 85, 255, 256, 65535, 65536}
    assert len(FILES) == 22


@pytest.mark.parametrize("name", FILES)
def test_wycheproof(name: str) -> None:
    document = json.loads((VECTORS / name).read_text())
    met: set[str] = set()
    count = 0
    for group in document["testGroups"]:
        for test in group["tests"]:
            count += 1
            (flag,) = test["flags"]
            met.add(flag)
            plain, enciphered = (_numerals(test[part], group.get("alphabet", "")) for part in ("msg", "ct"))
            parameters = (test["key"], group["radix"], len(plain), test["tweak"])
            if flag in REFUSED:
                with pytest.raises(ValueError, match=REFUSED[flag]):
                    _ff1(*parameters).encrypt(np.array([plain], np.int64))
                continue
            assert flag in COMPUTED and test["result"] == "valid"
            ff1 = _ff1(*parameters)
            assert ff1.encrypt(np.array([plain])).tolist() == [enciphered], test["tcId"]
            assert ff1.decrypt(np.array([enciphered])).tolist() == [plain], test["tcId"]
    assert count == document["numberOfTests"]
    # two numerals of the largest radixes make a large domain, so none of theirs is small
    assert met == COMPUTED | (REFUSED.keys() - ({"SmallMessageSize"} if parameters[1] > 1_000 else set()))
