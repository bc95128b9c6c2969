"""Tokens of both suites: round trip, injectivity, determinism, independence of the batch; what is forged is refused."""

import copy
import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.canonical import canonicalize
from gateway.kernels.text import from_matrix
from gateway.kernels.tokens import TokenKeys, detokenize, irreversible, subject_marks, subject_tags, tokenize
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite
from gateway.model.spelling import FIRM_ALPHABET, PLATE_ALPHABET, PLATE_LETTERS, PLATE_PROVINCES

WORKING = bytes(range(64)), bytes(range(64, 128))
OTHER_WORKING = bytes(range(1, 65)), bytes(range(65, 129))
KEYS = {suite: TokenKeys(suite, *WORKING) for suite in CipherSuite}
OTHER_KEYS = {suite: TokenKeys(suite, *OTHER_WORKING) for suite in CipherSuite}


def _check(first: str) -> str:
    """The check character in the words of GB 11643-1999."""
    total = sum(int(digit) * (2 ** (18 - place) % 11) for place, digit in enumerate(first, 1))
    return next("0123456789X"[check] for check in range(11) if (total + check) % 11 == 1)


first_seventeen = st.text("0123456789", min_size=17, max_size=17)
resident_ids = first_seventeen.map(lambda first: first + _check(first))
phones = st.text("0123456789", min_size=11, max_size=11)
wrong_check = st.builds(lambda first, last: first + last, first_seventeen, st.sampled_from("0123456789Xx"))
plates = st.builds(
    lambda head, letter, body: head + letter + body,
    st.sampled_from(PLATE_PROVINCES),
    st.sampled_from(PLATE_LETTERS),
    st.text(PLATE_ALPHABET, min_size=5, max_size=6),
)
values = st.one_of(
    resident_ids,
    plates,
    plates.map(lambda plate: f"{plate[:2]}·{plate[2:]}".lower()),
    st.text(FIRM_ALPHABET, min_size=18, max_size=18),
    wrong_check,
    st.text("0123456789", min_size=9, max_size=19),
    st.text("0123456789-+ ()X６", min_size=8, max_size=22),
    st.text(max_size=40),
    st.none(),
)
columns = st.lists(values, max_size=40)
forms = st.sampled_from(CanonicalForm)
suites = st.sampled_from(CipherSuite)


def _tokens(column: list[str | None], form: CanonicalForm, keys: TokenKeys) -> list[str | None]:
    return tokenize(pa.array(column, pa.string()), form, keys).to_pylist()


def _back(column: list[str | None], form: CanonicalForm, keys: TokenKeys) -> list[str | None]:
    return detokenize(pa.array(column, pa.string()), form, keys).to_pylist()


def _codes(column: list[str | None], form: CanonicalForm, suite: CipherSuite) -> list[str | None]:
    return irreversible(pa.array(column, pa.string()), form, suite, WORKING[0]).to_pylist()


@given(columns, forms, suites)
def test_a_token_leads_back_to_the_canonical_value(
    column: list[str | None], form: CanonicalForm, suite: CipherSuite
) -> None:
    canonical = canonicalize(pa.array(column, pa.string()), form).to_pylist()
    assert _back(_tokens(column, form, KEYS[suite]), form, KEYS[suite]) == canonical
    assert [value is None for value in canonical] == [value is None for value in column]


@given(columns, forms)
def test_the_canonical_form_is_idempotent(column: list[str | None], form: CanonicalForm) -> None:
    once = canonicalize(pa.array(column, pa.string()), form)
    assert canonicalize(once, form).equals(once)


@given(columns, forms, suites)
def test_tokens_are_equal_exactly_where_canonical_values_are(
    column: list[str | None], form: CanonicalForm, suite: CipherSuite
) -> None:
    canonical = canonicalize(pa.array(column, pa.string()), form).to_pylist()
    for tokens in (_tokens(column, form, KEYS[suite]), _codes(column, form, suite)):
        pairs = set(zip(canonical, tokens, strict=True))
        assert len(pairs) == len({value for value, _ in pairs}) == len({token for _, token in pairs})
        assert [token is None for token in tokens] == [value is None for value in column]


@given(columns, forms, suites, st.integers(0, 40), st.integers(0, 40))
def test_neighbours_slices_and_batches_play_no_part(
    column: list[str | None], form: CanonicalForm, suite: CipherSuite, a: int, b: int
) -> None:
    keys, window = KEYS[suite], slice(min(a, b), max(a, b))
    whole, codes = _tokens(column, form, keys), _codes(column, form, suite)
    array = pa.array(column, pa.string()).slice(min(a, b), abs(a - b))
    assert tokenize(array, form, keys).to_pylist() == whole[window]
    assert irreversible(array, form, suite, WORKING[0]).to_pylist() == codes[window]
    assert [_tokens([value], form, keys)[0] for value in column] == whole
    assert [_codes([value], form, suite)[0] for value in column] == codes
    tokens = pa.array(whole, pa.string()).slice(min(a, b), abs(a - b))
    assert detokenize(tokens, form, keys).to_pylist() == canonicalize(array, form).to_pylist()


@given(columns, forms)
def test_subject_tags_are_the_bytes_of_irreversible_tokens(column: list[str | None], form: CanonicalForm) -> None:
    marks = subject_marks(pa.array(column, pa.string()), form, WORKING[0])
    codes = _codes(column, form, CipherSuite.AES)
    assert marks == [bytes(16) if code is None else bytes.fromhex(code[1:]) for code in codes]
    assert b"".join(marks) == subject_tags(pa.array(column, pa.string()), form, WORKING[0])


@given(resident_ids, phones, plates, suites)
def test_short_identifiers_take_the_block_profile(resident: str, phone: str, plate: str, suite: CipherSuite) -> None:
    for value, form in (
        (resident, CanonicalForm.RESIDENT_ID),
        (phone, CanonicalForm.PHONE),
        (plate, CanonicalForm.PLATE),
    ):
        (token,) = _tokens([value], form, KEYS[suite])
        assert token is not None and token[0] == "b" and len(token) == 33


@given(values, forms, suites, st.integers(0, 10_000), st.sampled_from("0123456789abcdefABCDEFbscg世"))
def test_a_changed_token_is_refused(
    value: str | None, form: CanonicalForm, suite: CipherSuite, place: int, letter: str
) -> None:
    (token,) = _tokens([value], form, KEYS[suite])
    if token is None:
        return
    place %= len(token)
    forged = token[:place] + letter + token[place + 1 :]
    if forged != token:
        column = [token, forged, None, token + "0", token + "00", token[:-2], token.upper()]
        assert _back(column, form, KEYS[suite])[1:] == [None] * 6


@given(values, forms, suites)
def test_a_token_in_capitals_is_refused(value: str | None, form: CanonicalForm, suite: CipherSuite) -> None:
    (token,) = _tokens([value], form, KEYS[suite])
    if token is not None and not token[1:].isdigit():
        assert _back([token[0] + token[1:].upper()], form, KEYS[suite]) == [None]


@given(values, forms, suites)
def test_every_flipped_bit_is_refused(value: str | None, form: CanonicalForm, suite: CipherSuite) -> None:
    (token,) = _tokens([value], form, KEYS[suite])
    if token is None:
        return
    body = bytes.fromhex(token[1:])[:40]
    rest = token[1 + 2 * len(body) :]
    flipped: list[str | None] = [
        token[0] + (int.from_bytes(body, "big") ^ 1 << bit).to_bytes(len(body), "big").hex() + rest
        for bit in range(8 * len(body))
    ]
    assert set(_back(flipped, form, KEYS[suite])) == {None}


@given(columns, forms, suites)
def test_tokens_of_other_keys_forms_and_suites_are_refused_and_join_nothing(
    column: list[str | None], form: CanonicalForm, suite: CipherSuite
) -> None:
    tokens = _tokens(column, form, KEYS[suite])
    (other_suite,) = set(CipherSuite) - {suite}
    for keys in (OTHER_KEYS[suite], KEYS[other_suite]):
        assert set(_back(tokens, form, keys)) <= {None}
        assert not (set(tokens) & set(_tokens(column, form, keys)) - {None})
    for other in CanonicalForm:
        if other is not form:
            assert set(_back(tokens, other, KEYS[suite])) <= {None}
    codes = _codes(column, form, suite)
    assert set(_back(codes, form, KEYS[suite])) <= {None}
    others = [
        *_codes(column, form, other_suite),
        *irreversible(pa.array(column, pa.string()), form, suite, OTHER_WORKING[0]).to_pylist(),
    ]
    assert not (set(codes) & set(others) - {None})


@pytest.mark.parametrize("suite", CipherSuite)
@pytest.mark.parametrize("form", CanonicalForm)
def test_no_random_forgery_is_accepted(form: CanonicalForm, suite: CipherSuite) -> None:
    forged = np.frombuffer(b"0123456789abcdef", np.uint8)[np.random.default_rng(7).integers(0, 16, (100_000, 69))]
    for letter, chars in (("b", 33), ("s", 33), ("s", 69)):
        forged[:, 0] = ord(letter)
        rows = np.ascontiguousarray(forged[:, :chars])
        assert detokenize(from_matrix(rows), form, KEYS[suite]).null_count == len(rows)


@pytest.mark.parametrize("suite", CipherSuite)
def test_a_block_beyond_the_range_of_its_form_is_refused(suite: CipherSuite) -> None:
    # the holder of the key makes one
    for fixed, form, stop in (
        (b"PG-RESID", CanonicalForm.RESIDENT_ID, 10**17),
        (b"PG-PHONE", CanonicalForm.PHONE, 10**11),
        (b"PG-PLATE", CanonicalForm.PLATE, 31 * 25 * (34**5 + 34**6)),
    ):
        blocks = b"".join(number.to_bytes(8, "big") + fixed for number in (0, stop - 1, stop, 2**64 - 1))
        sealed = KEYS[suite].of_blocks().encrypt(np.frombuffer(blocks, np.uint8).reshape(4, 16))
        values = _back(["b" + row.tobytes().hex() for row in sealed], form, KEYS[suite])
        assert [value is None for value in values] == [False, False, True, True]


def test_a_second_token_of_a_block_value_is_refused() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # the holder of the key makes one

    def forge(value: bytes) -> str:
        return "s" + AESSIV(WORKING[1]).encrypt(value, [b"resident-id"]).hex()

    keys = KEYS[CipherSuite.AES]
    column: list[str | None] = [forge(b"11010519491231002X"), forge(b"110105194912310021"), forge(b"\xff" * 18)]
    assert _back(column, CanonicalForm.RESIDENT_ID, keys) == [None, "110105194912310021", None]


@pytest.mark.parametrize("suite", CipherSuite)
def test_a_malformed_column_of_every_kind_is_refused_whole(suite: CipherSuite) -> None:
    column = [
        "",
        "b",
        "s",
        "b" + "0" * 32,
        "b" + "F" * 32,
        "c" + "0" * 32,
        "s" + "0" * 31,
        "s" + "0" * 32,
        "s" + "0" * 33,
        "x" + "0" * 32,
        "世" * 11,
        None,
    ]
    for form in CanonicalForm:
        assert _back(column, form, KEYS[suite]) == [None] * len(column)


@pytest.mark.parametrize("suite", CipherSuite)
def test_long_columns_equal_their_parts(suite: CipherSuite) -> None:
    keys, form = KEYS[suite], CanonicalForm.RESIDENT_ID
    column: list[str | None] = [first + _check(first) for first in (f"{number:017d}" for number in range(20_000))]
    column[9_000], column[11_000], column[12_000] = None, "a name", "110105194912310021"
    tokens = tokenize(pa.array(column), form, keys)
    assert len(set(tokens.to_pylist())) == 20_000
    assert detokenize(tokens, form, keys).to_pylist() == column
    assert tokenize(pa.array(column[-3:]), form, keys).equals(tokens.slice(19_997))
    text = tokenize(pa.array(column), CanonicalForm.TEXT, keys)
    assert detokenize(text, CanonicalForm.TEXT, keys).to_pylist() == column
    assert tokenize(pa.array(column[-3:]), CanonicalForm.TEXT, keys).equals(text.slice(19_997))


@pytest.mark.parametrize("suite", CipherSuite)
def test_what_lies_under_a_null_has_no_token(suite: CipherSuite) -> None:
    whole = pa.array(["11010519491231002X"] * 3, pa.string())
    _, offsets, data = whole.buffers()
    assert offsets is not None and data is not None
    hidden = pa.StringArray.from_buffers(3, offsets, data, pa.py_buffer(bytes([0b101])))
    assert hidden.null_count == 1
    for form in (CanonicalForm.RESIDENT_ID, CanonicalForm.TEXT):
        expected = tokenize(whole.slice(0, 1), form, KEYS[suite]).to_pylist()
        assert tokenize(hidden, form, KEYS[suite]).to_pylist() == [*expected, None, *expected]
        codes = irreversible(hidden, form, suite, WORKING[0]).to_pylist()
        assert codes[0] == codes[2] and codes[1] is None
    assert subject_marks(hidden, CanonicalForm.RESIDENT_ID, WORKING[0])[1] == bytes(16)


def test_values_longer_than_a_batch_of_the_cache_have_tokens() -> None:
    column: list[str | None] = ["x" * 300_000, "y" * 70_000, "z", "", None]
    for keys in KEYS.values():
        assert _back(_tokens(column, CanonicalForm.TEXT, keys), CanonicalForm.TEXT, keys) == column


@pytest.mark.parametrize("suite", CipherSuite)
@pytest.mark.parametrize("key", [b"", bytes(32), bytes(63), bytes(65)], ids=len)
def test_a_key_of_another_length_is_refused(key: bytes, suite: CipherSuite) -> None:
    array = pa.array(["11010519491231002X"])
    with pytest.raises(ValueError, match="64 bytes"):
        TokenKeys(suite, key, WORKING[1])
    with pytest.raises(ValueError, match="64 bytes"):
        TokenKeys(suite, WORKING[0], key)
    with pytest.raises(ValueError, match="64 bytes"):
        irreversible(array, CanonicalForm.RESIDENT_ID, suite, key)
    with pytest.raises(ValueError, match="64 bytes"):
        subject_tags(array, CanonicalForm.RESIDENT_ID, key)


def test_keys_are_neither_shown_nor_copied_out() -> None:
    for keys in KEYS.values():
        for holder in (keys, keys.of_blocks(), keys.of_siv(CanonicalForm.TEXT)):
            shown = f"{holder!r} {holder}"
            assert not any(repr(key)[2:20] in shown or key[:4].hex() in shown for key in WORKING)
            for leave in (pickle.dumps, copy.copy, copy.deepcopy):
                with pytest.raises(TypeError):
                    leave(holder)
