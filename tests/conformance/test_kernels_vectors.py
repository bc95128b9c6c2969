"""The token kernels against published vectors. SIV is rebuilt here from our own CMAC, so that both are held to them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.kernels.ciphers import AesCipher
from gateway.kernels.cmac import cmac
from gateway.kernels.tokens import TokenKeys, detokenize, subject_tags, tokenize
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite

VECTORS = Path(__file__).parent / "vectors"
CMAC = json.loads((VECTORS / "rfc4493.json").read_text())
SIV = json.loads((VECTORS / "rfc5297.json").read_text())
BLOCK_KEY, SIV_KEY = bytes(range(64)), bytes(range(64, 128))
KEYS = TokenKeys(CipherSuite.AES, BLOCK_KEY, SIV_KEY)


def _mac(key: bytes, message: bytes) -> bytes:
    return cmac(AesCipher(key), np.frombuffer(message, np.uint8).reshape(1, len(message))).tobytes()


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _double(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    return (number ^ (0x87 | 1 << 128) if number >> 128 else number).to_bytes(16, "big")


def _siv(key: bytes, associated: list[bytes], plaintext: bytes) -> bytes:
    """RFC 5297, sections 2.4 and 2.6."""
    mac_key, ctr_key = key[: len(key) // 2], key[len(key) // 2 :]
    state = _mac(mac_key, bytes(16))
    for text in associated:
        state = _xor(_double(state), _mac(mac_key, text))
    if len(plaintext) >= 16:
        last = plaintext[:-16] + _xor(plaintext[-16:], state)
    else:
        last = _xor(_double(state), plaintext + b"\x80" + bytes(15 - len(plaintext)))
    iv = _mac(mac_key, last)
    counter = bytes([*iv[:8], iv[8] & 0x7F, *iv[9:12], iv[12] & 0x7F, *iv[13:]])
    engine = Cipher(algorithms.AES(ctr_key), modes.CTR(counter)).encryptor()
    return iv + engine.update(plaintext) + engine.finalize()


@pytest.mark.parametrize("case", CMAC["cases"], ids=lambda case: f"{len(case['key']) * 4}-{case['length']}")
def test_cmac_gives_the_published_tag(case: dict[str, Any]) -> None:
    message = bytes.fromhex(CMAC["message"])[: case["length"]]
    assert _mac(bytes.fromhex(case["key"]), message).hex() == case["tag"]


def test_cmac_of_a_batch_is_the_cmac_of_each_row() -> None:
    rows = np.random.default_rng(3).integers(0, 256, (50, 37), np.uint8)
    key = bytes(range(32))
    assert cmac(AesCipher(key), rows).tobytes() == b"".join(_mac(key, row.tobytes()) for row in rows)


@pytest.mark.parametrize("case", SIV["cases"], ids=lambda case: case["name"])
def test_siv_of_these_tests_gives_the_published_output(case: dict[str, Any]) -> None:
    output = _siv(
        bytes.fromhex(case["key"]),
        [bytes.fromhex(text) for text in case["associated"]],
        bytes.fromhex(case["plaintext"]),
    )
    assert output.hex() == case["output"]


@pytest.mark.parametrize("text", ["", "a", "浙A·D1234挂", "x" * 16, "x" * 17, "33010219900101"])
def test_siv_tokens_are_aes_256_siv(text: str) -> None:
    for form in CanonicalForm:
        token = tokenize(pa.array([text]), form, KEYS)
        assert token.to_pylist() == ["s" + _siv(SIV_KEY, [form.value.encode()], text.encode()).hex()]
        assert detokenize(token, form, KEYS).to_pylist() == [text]


@pytest.mark.parametrize(
    ("form", "text", "number", "redundancy"),
    [
        (CanonicalForm.RESIDENT_ID, "11010519491231002X", 11010519491231002, b"PG-RESID"),
        (CanonicalForm.PHONE, "13800138000", 13800138000, b"PG-PHONE"),
    ],
)
def test_block_tokens_are_one_block_of_aes_256(form: CanonicalForm, text: str, number: int, redundancy: bytes) -> None:
    engine = Cipher(algorithms.AES(BLOCK_KEY[:32]), modes.ECB()).encryptor()
    expected = "b" + engine.update(number.to_bytes(8, "big") + redundancy).hex()
    assert tokenize(pa.array([text]), form, KEYS).to_pylist() == [expected]


def test_subject_tags_are_the_cmac_of_the_canonical_value() -> None:
    values = ["11010519491231002X", None, "张三", "", " 11010519491231002x"]
    tags = subject_tags(pa.array(values), CanonicalForm.RESIDENT_ID, BLOCK_KEY)
    canonical = ["11010519491231002X", None, "张三", "", "11010519491231002X"]
    assert tags == b"".join(bytes(16) if text is None else _mac(BLOCK_KEY[:32], text.encode()) for text in canonical)
