"""Tokens: round trip, injectivity, determinism, independence of the batch; forged and foreign ones refused."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.canonical import canonicalize
from gateway.kernels.tokens import detokenize, subject_tags, tokenize
from gateway.model.contract import CanonicalForm

KEYS = bytes(range(64)), bytes(range(64, 128))
OTHER_KEYS = bytes(range(1, 65)), bytes(range(65, 129))


def _check(first: str) -> str:
    """The check character in the words of GB 11643-1999."""
    total = sum(int(digit) * (2 ** (18 - place) % 11) for place, digit in enumerate(first, 1))
    return next("0123456789X"[check] for check in range(11) if (total + check) % 11 == 1)


first_seventeen = st.text("0123456789", min_size=17, max_size=17)
resident_ids = first_seventeen.map(lambda first: first + _check(first))
wrong_check = st.builds(lambda first, last: first + last, first_seventeen, st.sampled_from("0123456789Xx"))
values = st.one_of(
    resident_ids,
    wrong_check,
    st.text("0123456789", min_size=9, max_size=19),
    st.text("0123456789-+ ()X６", min_size=8, max_size=22),
    st.text(max_size=40),
    st.none(),
)
columns = st.lists(values, max_size=40)
forms = st.sampled_from(CanonicalForm)


def _tokens(column: list[str | None], form: CanonicalForm, keys: tuple[bytes, bytes] = KEYS) -> list[str | None]:
    return tokenize(pa.array(column, pa.string()), form, *keys).to_pylist()


def _back(column: list[str | None], form: CanonicalForm, keys: tuple[bytes, bytes] = KEYS) -> list[str | None]:
    return detokenize(pa.array(column, pa.string()), form, *keys).to_pylist()


@given(columns, forms)
def test_a_token_leads_back_to_the_canonical_value(column: list[str | None], form: CanonicalForm) -> None:
    canonical = canonicalize(pa.array(column, pa.string()), form).to_pylist()
    assert _back(_tokens(column, form), form) == canonical
    assert [value is None for value in canonical] == [value is None for value in column]


@given(columns, forms)
def test_the_canonical_form_is_idempotent(column: list[str | None], form: CanonicalForm) -> None:
    once = canonicalize(pa.array(column, pa.string()), form)
    assert canonicalize(once, form).equals(once)


@given(columns, forms)
def test_tokens_are_equal_exactly_where_canonical_values_are(column: list[str | None], form: CanonicalForm) -> None:
    canonical = canonicalize(pa.array(column, pa.string()), form).to_pylist()
    pairs = set(zip(canonical, _tokens(column, form), strict=True))
    assert len(pairs) == len({value for value, _ in pairs}) == len({token for _, token in pairs})


@given(columns, forms, st.integers(0, 40), st.integers(0, 40))
def test_neighbours_slices_and_batches_play_no_part(
    column: list[str | None], form: CanonicalForm, a: int, b: int
) -> None:
    whole = _tokens(column, form)
    array = pa.array(column, pa.string()).slice(min(a, b), abs(a - b))
    assert tokenize(array, form, *KEYS).to_pylist() == whole[min(a, b) : max(a, b)]
    assert [_tokens([value], form)[0] for value in column] == whole
    tokens = pa.array(whole, pa.string()).slice(min(a, b), abs(a - b))
    assert detokenize(tokens, form, *KEYS).to_pylist() == canonicalize(array, form).to_pylist()
    tags = subject_tags(pa.array(column, pa.string()), form, KEYS[0])
    assert subject_tags(array, form, KEYS[0]) == tags[16 * min(a, b, len(column)) : 16 * min(max(a, b), len(column))]


@given(resident_ids)
def test_a_resident_id_takes_the_block_profile(value: str) -> None:
    (token,) = _tokens([value], CanonicalForm.RESIDENT_ID)
    assert token is not None and token[0] == "b" and len(token) == 33


@given(values, forms, st.integers(0, 10_000), st.sampled_from("0123456789abcdefABCDEFbsg世"))
def test_a_changed_token_is_refused(value: str | None, form: CanonicalForm, place: int, letter: str) -> None:
    (token,) = _tokens([value], form)
    if token is None:
        return
    place %= len(token)
    forged = token[:place] + letter + token[place + 1 :]
    if forged != token:
        assert _back([token, forged, None, token + "0", token + "00", token[:-2]], form)[1:] == [None] * 5


@given(values, forms)
def test_every_flipped_bit_is_refused(value: str | None, form: CanonicalForm) -> None:
    (token,) = _tokens([value], form)
    if token is None:
        return
    body = bytes.fromhex(token[1:])[:40]
    rest = token[1 + 2 * len(body) :]
    flipped: list[str | None] = [
        token[0] + (int.from_bytes(body, "big") ^ 1 << bit).to_bytes(len(body), "big").hex() + rest
        for bit in range(8 * len(body))
    ]
    assert set(_back(flipped, form)) == {None}


@given(columns, forms)
def test_tokens_of_other_keys_and_forms_are_refused_and_join_nothing(
    column: list[str | None], form: CanonicalForm
) -> None:
    tokens = _tokens(column, form)
    assert set(_back(tokens, form, OTHER_KEYS)) <= {None}
    for other in CanonicalForm:
        if other is not form:
            assert set(_back(tokens, other)) <= {None}
    assert not (set(tokens) & set(_tokens(column, form, OTHER_KEYS)) - {None})


def test_a_second_token_of_a_block_value_is_refused() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # the holder of the key makes one

    forged = "s" + AESSIV(KEYS[1]).encrypt(b"11010519491231002X", [b"resident-id"]).hex()
    assert _back([forged], CanonicalForm.RESIDENT_ID) == [None]


def test_a_malformed_column_of_every_kind_is_refused_whole() -> None:
    column = [
        "",
        "b",
        "s",
        "b" + "0" * 32,
        "b" + "F" * 32,
        "s" + "0" * 31,
        "s" + "0" * 33,
        "x" + "0" * 32,
        "世" * 11,
        None,
    ]
    for form in CanonicalForm:
        assert _back(column, form) == [None] * len(column)


def test_long_columns_equal_their_parts() -> None:
    column: list[str | None] = [first + _check(first) for first in (f"{number:017d}" for number in range(20_000))]
    column[9_000] = None
    tokens = tokenize(pa.array(column), CanonicalForm.RESIDENT_ID, *KEYS)
    assert len(set(tokens.to_pylist())) == 20_000
    assert detokenize(tokens, CanonicalForm.RESIDENT_ID, *KEYS).to_pylist() == column
    assert tokenize(pa.array(column[-3:]), CanonicalForm.RESIDENT_ID, *KEYS).equals(tokens.slice(19_997))


@pytest.mark.parametrize("key", [b"", bytes(32), bytes(63), bytes(65)])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    array = pa.array(["11010519491231002X"])
    for function in (tokenize, detokenize):
        with pytest.raises(ValueError, match="64 bytes"):
            function(array, CanonicalForm.RESIDENT_ID, key, KEYS[1])
        with pytest.raises(ValueError, match="64 bytes"):
            function(array, CanonicalForm.RESIDENT_ID, KEYS[0], key)
    with pytest.raises(ValueError, match="64 bytes"):
        subject_tags(array, CanonicalForm.RESIDENT_ID, key)
