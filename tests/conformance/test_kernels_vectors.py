"""The token kernels against published vectors, and whole tokens against another implementation of their parts."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, CipherAlgorithm, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.cmac import CMAC

from gateway.kernels.ciphers import AesCipher, BlockCipher, Sm4Cipher, cipher
from gateway.kernels.cmac import cmac
from gateway.kernels.siv import Siv
from gateway.kernels.text import Bytes
from gateway.kernels.tokens import TokenKeys, detokenize, irreversible, subject_tags, tokenize
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite

DAY = date(2026, 11, 21)
BLOCK_KEY, SIV_KEY = bytes(range(64)), bytes(range(64, 128))
KEYS = {suite: TokenKeys(suite, BLOCK_KEY, SIV_KEY) for suite in CipherSuite}
KEY_BYTES = {CipherSuite.AES: 32, CipherSuite.SM4: 16}
TEXTS = ["", "a", "张三", "浙A·D12345", "x" * 15, "x" * 16, "x" * 17, "33010219900101", "y" * 31, "y" * 32, "z" * 100]


def _vectors(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / f"{name}.json").read_text())
    return loaded


def _wycheproof(name: str, result: str) -> list[Any]:
    return [
        pytest.param(test, id=f"{test['tcId']}")
        for group in _vectors(name)["testGroups"]
        for test in group["tests"]
        if test["result"] == result
    ]


FIPS, GBT, RFC_CMAC, RFC_SIV = (_vectors(name) for name in ("fips197", "gbt32907", "rfc4493", "rfc5297"))


def _row(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8).reshape(1, len(data))


def _mac(engine: BlockCipher, message: bytes) -> bytes:
    """The code as one of a column of 40: few rows take another way than many."""
    alone = cmac(engine, _row(message)).tobytes()
    together = cmac(engine, np.repeat(_row(message), 40, axis=0)).tobytes()
    assert together == alone * 40
    return alone


def _siv(key: bytes, *associated: bytes) -> Siv:
    half = len(key) // 2
    return Siv(AesCipher(key[:half]), AesCipher(key[half:]), *associated)


def _algorithm(suite: CipherSuite, key: bytes) -> BlockCipherAlgorithm:
    return algorithms.AES(key[:32]) if suite is CipherSuite.AES else algorithms.SM4(key[:16])


def _reference_mac(algorithm: BlockCipherAlgorithm, message: bytes) -> bytes:
    code = CMAC(algorithm)
    code.update(message)
    return code.finalize()


def _reference_ecb(algorithm: CipherAlgorithm, block: bytes) -> bytes:
    return Cipher(algorithm, modes.ECB()).encryptor().update(block)


def _reference_siv(suite: CipherSuite, associated: bytes, plaintext: bytes) -> bytes:
    """RFC 5297, sections 2.4 and 2.6, in its own words."""

    def double(block: bytes) -> bytes:
        number = int.from_bytes(block, "big") << 1
        return (number ^ (0x87 | 1 << 128) if number >> 128 else number).to_bytes(16, "big")

    def xor(left: bytes, right: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(left, right, strict=True))

    size = KEY_BYTES[suite]
    mac, counter = _algorithm(suite, SIV_KEY[:size]), _algorithm(suite, SIV_KEY[size : 2 * size])
    state = xor(double(_reference_mac(mac, bytes(16))), _reference_mac(mac, associated))
    if len(plaintext) >= 16:
        last = plaintext[:-16] + xor(plaintext[-16:], state)
    else:
        last = xor(double(state), plaintext + b"\x80" + bytes(15 - len(plaintext)))
    iv = _reference_mac(mac, last)
    start = bytes([*iv[:8], iv[8] & 0x7F, *iv[9:12], iv[12] & 0x7F, *iv[13:]])
    return iv + Cipher(counter, modes.CTR(start)).encryptor().update(plaintext)


@pytest.mark.parametrize("case", FIPS["cases"], ids=lambda case: f"{len(case['key']) * 4}")
def test_aes_gives_the_published_block_and_takes_it_back(case: dict[str, str]) -> None:
    plain, sealed = _row(bytes.fromhex(FIPS["plaintext"])), _row(bytes.fromhex(case["ciphertext"]))
    engine = AesCipher(bytes.fromhex(case["key"]))
    assert engine.encrypt(plain).tobytes() == sealed.tobytes()
    assert engine.decrypt(sealed).tobytes() == plain.tobytes()


@pytest.mark.parametrize("case", GBT["cases"], ids=lambda case: case["name"])
def test_sm4_gives_the_published_block_and_takes_it_back(case: dict[str, Any]) -> None:
    plain, sealed = _row(bytes.fromhex(GBT["plaintext"])), _row(bytes.fromhex(case["ciphertext"]))
    engine = Sm4Cipher(bytes.fromhex(GBT["key"]))
    if case["times"] == 1:
        assert engine.encrypt(plain).tobytes() == sealed.tobytes()
        assert engine.decrypt(sealed).tobytes() == plain.tobytes()
    # a block and zeros in a chain: enciphered as many times as there are blocks
    blocks = np.zeros((case["times"], 16), np.uint8)
    blocks[0] = plain
    assert engine.chain(blocks) == sealed.tobytes()


@pytest.mark.parametrize("suite", CipherSuite)
def test_a_column_of_blocks_is_enciphered_row_by_row(suite: CipherSuite) -> None:
    key = BLOCK_KEY[: KEY_BYTES[suite]]
    blocks = np.random.default_rng(3).integers(0, 256, (70_000, 16), np.uint8)
    engine = cipher(suite, key)
    sealed = engine.encrypt(blocks)
    assert sealed.tobytes() == _reference_ecb(_algorithm(suite, key), blocks.tobytes())
    assert engine.decrypt(sealed).tobytes() == blocks.tobytes()
    in_place = blocks.copy()
    assert engine.encrypt(in_place, in_place) is in_place
    assert in_place.tobytes() == sealed.tobytes()
    assert engine.decrypt(in_place, in_place).tobytes() == blocks.tobytes()
    chained = Cipher(_algorithm(suite, key), modes.CBC(bytes(16))).encryptor().update(blocks.tobytes())
    assert engine.chain(blocks) == chained[-16:]


@pytest.mark.parametrize("suite", CipherSuite)
def test_a_cipher_refuses_keys_of_another_length_and_matrices_of_another_shape(suite: CipherSuite) -> None:
    for length in {0, 8, 15, 16, 17, 20, 24, 31, 32, 33, 40, 64} - {KEY_BYTES[suite]}:
        with pytest.raises(ValueError, match="length"):
            cipher(suite, bytes(length))
    engine = cipher(suite, bytes(KEY_BYTES[suite]))
    for shape in ((3, 15), (3, 17), (16,)):
        with pytest.raises(ValueError, match="n × 16"):
            engine.encrypt(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="n × 16"):
        engine.decrypt(np.zeros((3, 16), np.uint8), np.zeros((2, 16), np.uint8))


@pytest.mark.parametrize("case", RFC_CMAC["cases"], ids=lambda case: f"{len(case['key']) * 4}-{case['length']}")
def test_cmac_gives_the_published_tag(case: dict[str, Any]) -> None:
    message = bytes.fromhex(RFC_CMAC["message"])[: case["length"]]
    assert _mac(AesCipher(bytes.fromhex(case["key"])), message).hex() == case["tag"]


@pytest.mark.parametrize("case", _wycheproof("wycheproof_aes_cmac_256", "valid"))
def test_cmac_gives_wycheproofs_tag(case: dict[str, str]) -> None:
    tag = _mac(AesCipher(bytes.fromhex(case["key"])), bytes.fromhex(case["msg"]))
    assert tag.hex() == case["tag"]


@pytest.mark.parametrize("case", _wycheproof("wycheproof_aes_cmac_256", "invalid"))
def test_cmac_bears_out_none_of_wycheproofs_invalid_tags(case: dict[str, Any]) -> None:
    key = bytes.fromhex(case["key"])
    if "InvalidKeySize" in case["flags"]:
        with pytest.raises(ValueError, match="16, 24 or 32 bytes"):
            AesCipher(key)
    else:
        assert _mac(AesCipher(key), bytes.fromhex(case["msg"])).hex() != case["tag"]


@pytest.mark.parametrize("suite", CipherSuite)
def test_cmac_of_a_batch_is_the_cmac_of_each_row(suite: CipherSuite) -> None:
    engine, algorithm = cipher(suite, BLOCK_KEY[: KEY_BYTES[suite]]), _algorithm(suite, BLOCK_KEY)
    for length in (0, 1, 15, 16, 17, 31, 32, 33, 37, 64):
        rows = np.random.default_rng(length).integers(0, 256, (50, length), np.uint8)
        expected = b"".join(_reference_mac(algorithm, row.tobytes()) for row in rows)
        for many in (50, 2, 1):
            assert cmac(engine, rows[:many]).tobytes() == expected[: 16 * many]


@pytest.mark.parametrize("case", RFC_SIV["cases"], ids=lambda case: case["name"])
def test_siv_gives_the_published_output_and_takes_it_back(case: dict[str, Any]) -> None:
    engine = _siv(bytes.fromhex(case["key"]), *map(bytes.fromhex, case["associated"]))
    plain, sealed = bytes.fromhex(case["plaintext"]), bytes.fromhex(case["output"])
    assert engine.seal(_row(plain)).tobytes() == sealed
    opened, genuine = engine.open(_row(sealed))
    assert genuine.all() and opened.tobytes() == plain
    assert not _siv(bytes.fromhex(case["key"]), b"other").open(_row(sealed))[1].any()


@pytest.mark.parametrize("case", _wycheproof("wycheproof_aes_siv_cmac_512", "valid"))
def test_siv_gives_wycheproofs_output_and_takes_it_back(case: dict[str, str]) -> None:
    key, aad, plain, sealed = (bytes.fromhex(case[name]) for name in ("key", "aad", "msg", "ct"))
    engine = _siv(key, aad)
    rows = np.repeat(_row(plain), 40, axis=0)
    assert engine.seal(rows[:1]).tobytes() == sealed
    assert engine.seal(rows).tobytes() == sealed * 40
    for many in (1, 40):
        opened, genuine = engine.open(np.repeat(_row(sealed), many, axis=0))
        assert genuine.all() and opened.tobytes() == plain * many


@pytest.mark.parametrize("case", _wycheproof("wycheproof_aes_siv_cmac_512", "invalid"))
def test_siv_opens_none_of_wycheproofs_invalid_outputs(case: dict[str, str]) -> None:
    key, aad, sealed = (bytes.fromhex(case[name]) for name in ("key", "aad", "ct"))
    for many in (1, 40):
        opened, genuine = _siv(key, aad).open(np.repeat(_row(sealed), many, axis=0))
        assert not genuine.any() and not opened.any()


def test_siv_takes_no_more_strings_and_no_shorter_output_than_it_may() -> None:
    assert _siv(SIV_KEY, *([b""] * 126)).seal(_row(b"a")).shape == (1, 17)
    with pytest.raises(ValueError, match="126"):
        _siv(SIV_KEY, *([b""] * 127))
    with pytest.raises(ValueError, match="16 bytes"):
        _siv(SIV_KEY).open(_row(bytes(15)))


@pytest.mark.parametrize("suite", CipherSuite)
@pytest.mark.parametrize("form", CanonicalForm)
def test_siv_tokens_are_rfc_5297_with_the_suites_cipher(form: CanonicalForm, suite: CipherSuite) -> None:
    associated = form.value.encode()
    expected = [_reference_siv(suite, associated, text.encode()) for text in TEXTS]
    if suite is CipherSuite.AES:
        assert expected[1:] == [AESSIV(SIV_KEY).encrypt(text.encode(), [associated]) for text in TEXTS[1:]]
    tokens = tokenize(pa.array(TEXTS), CanonicalForm.TEXT, KEYS[suite])
    if form is CanonicalForm.TEXT:
        assert tokens.to_pylist() == ["s" + sealed.hex() for sealed in expected]
        assert detokenize(tokens, form, KEYS[suite]).to_pylist() == TEXTS
    (token,) = tokenize(pa.array(["张三"]), form, KEYS[suite]).to_pylist()
    assert token == "s" + expected[2].hex()


@pytest.mark.parametrize("suite", CipherSuite)
@pytest.mark.parametrize(
    ("form", "text", "number", "redundancy"),
    [
        (CanonicalForm.RESIDENT_ID, "11010519491231002X", 11010519491231002, b"PG-RESID"),
        (CanonicalForm.PHONE, "13800138000", 13800138000, b"PG-PHONE"),
        (CanonicalForm.PLATE, "津B0000Z", (1 * 25 + 1) * 34**5 + 33, b"PG-PLATE"),
        (CanonicalForm.PLATE, "新Z00000A", 31 * 25 * 34**5 + (30 * 25 + 24) * 34**6 + 10, b"PG-PLATE"),
    ],
    ids=["resident-id", "phone", "plate", "long-plate"],
)
def test_block_tokens_are_one_block_of_the_suites_cipher(
    form: CanonicalForm, text: str, number: int, redundancy: bytes, suite: CipherSuite
) -> None:
    expected = "b" + _reference_ecb(_algorithm(suite, BLOCK_KEY), number.to_bytes(8, "big") + redundancy).hex()
    assert tokenize(pa.array([text]), form, KEYS[suite]).to_pylist() == [expected]


@pytest.mark.parametrize("suite", CipherSuite)
def test_the_documented_examples_are_those_tokens(suite: CipherSuite) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "reference" / "tokens.md").read_text()
    resident, name = pa.array(["11010519491231002X"]), pa.array(["张三"])
    tokens = [
        *tokenize(resident, CanonicalForm.RESIDENT_ID, KEYS[suite]).to_pylist(),
        *tokenize(name, CanonicalForm.TEXT, KEYS[suite]).to_pylist(),
        *irreversible(resident, CanonicalForm.RESIDENT_ID, suite, BLOCK_KEY).to_pylist(),
        *irreversible(resident, CanonicalForm.RESIDENT_ID, suite, BLOCK_KEY, pa.array([DAY])).to_pylist(),
    ]
    assert [token for token in tokens if f"`{token}`" not in documented] == []


@pytest.mark.parametrize("suite", CipherSuite)
def test_a_value_has_one_irreversible_token_for_each_day_that_stands_beside_it(suite: CipherSuite) -> None:
    texts = ["11010519491231002X", "11010519491231002X", "张三", "", None, "张三", "x" * 90]
    days = [DAY, date(1969, 12, 31), DAY, date(9999, 12, 31), DAY, None, date(1, 1, 1)]
    algorithm = _algorithm(suite, BLOCK_KEY)
    expected = [
        None if text is None or day is None else "c" + _reference_mac(algorithm, _four_bytes(day) + text.encode()).hex()
        for text, day in zip(texts, days, strict=True)
    ]
    tokens = irreversible(pa.array(texts), CanonicalForm.RESIDENT_ID, suite, BLOCK_KEY, pa.array(days, pa.date32()))
    assert tokens.to_pylist() == expected


def _four_bytes(day: date) -> bytes:
    return (day - date(1970, 1, 1)).days.to_bytes(4, "big", signed=True)


@pytest.mark.parametrize("suite", CipherSuite)
def test_irreversible_tokens_and_subject_tags_are_the_cmac_of_the_canonical_value(suite: CipherSuite) -> None:
    values = ["11010519491231002X", None, "张三", "", " 11010519491231002x", "x" * 90]
    canonical = ["11010519491231002X", None, "张三", "", "11010519491231002X", "x" * 90]
    algorithm = _algorithm(suite, BLOCK_KEY)
    codes = [None if text is None else _reference_mac(algorithm, text.encode()) for text in canonical]
    tokens = irreversible(pa.array(values), CanonicalForm.RESIDENT_ID, suite, BLOCK_KEY)
    assert tokens.to_pylist() == [None if code is None else "c" + code.hex() for code in codes]
    if suite is CipherSuite.AES:
        tags = subject_tags(pa.array(values), CanonicalForm.RESIDENT_ID, BLOCK_KEY)
        assert tags == b"".join(code or bytes(16) for code in codes)
