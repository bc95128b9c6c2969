"""What holds a key shows none, and cannot be copied or pickled."""

import copy
import pickle
from collections.abc import Callable
from fractions import Fraction

import pyarrow as pa
import pytest

from gateway.kernels.ciphers import AesCipher, KeyHolder, Sm4Cipher, first_cipher, require_working
from gateway.kernels.cmac import Cmac
from gateway.kernels.ff1 import FF1
from gateway.kernels.perturb import DiscreteLaplace, RandomizedResponse
from gateway.kernels.perturb.coins import Coins
from gateway.kernels.siv import Siv
from gateway.kernels.tokens import TokenKeys
from gateway.model.pseudonym import CipherSuite

KEY = b"a key that nobody may ever see in any text that this system makes"[:64]
AES = AesCipher(KEY[:32])
HOLDERS: list[object] = [
    AES,
    Sm4Cipher(KEY[:16]),
    Siv(AES, AES),
    Cmac(AES),
    FF1(AES, 10, 10),
    TokenKeys(CipherSuite.AES, KEY, KEY),
    Coins(("x",), KEY, CipherSuite.AES),
    DiscreteLaplace(0, 9, epsilon=Fraction(1), occasion="x", key=KEY, suite=CipherSuite.AES),
    RandomizedResponse(
        (1, 2), pa.int64(), nullable=False, epsilon=Fraction(1), occasion="x", key=KEY, suite=CipherSuite.AES
    ),
]
COPIES: list[Callable[[object], object]] = [copy.copy, copy.deepcopy, pickle.dumps]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_key_keeps_it(holder: object) -> None:
    assert repr(holder) == str(holder) == f"<{type(holder).__name__}>"
    for copied in COPIES:
        with pytest.raises(TypeError, match="holds a key"):
            copied(holder)


def test_these_are_all_there_are() -> None:
    kinds: set[str] = set()
    found: list[type] = [KeyHolder]
    while found:
        more: list[type] = found.pop().__subclasses__()
        kinds.update(kind.__name__ for kind in more if kind.__module__.startswith("gateway.kernels"))
        found += more
    assert kinds == {type(holder).__name__ for holder in HOLDERS}


@pytest.mark.parametrize("length", [0, 32, 63, 65])
def test_a_working_key_has_64_bytes(length: int) -> None:
    for call in (lambda key: first_cipher(CipherSuite.AES, key), lambda key: require_working(KEY, key)):
        with pytest.raises(ValueError, match="64 bytes"):
            call(bytes(length))
