"""FF1 one value at a time, in the words of SP 800-38G (algorithm 7), for tests to compare with."""

from collections.abc import Callable

Block = Callable[[bytes], bytes]


def ff1(encipher: Block, radix: int, tweak: bytes, text: list[int]) -> list[int]:
    """Encipher numerals with a function of blocks of 16 bytes."""
    n, t = len(text), len(tweak)
    u = n // 2
    v = n - u
    a, b_half = text[:u], text[u:]
    b = 0
    while 256**b < radix**v:
        b += 1
    d = 4 * ((b + 3) // 4) + 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, u % 256]) + n.to_bytes(4, "big") + t.to_bytes(4, "big")
    for i in range(10):
        q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + _num(b_half, radix).to_bytes(b, "big")
        r = _prf(encipher, p + q)
        s = r
        for j in range(1, -(-d // 16)):
            s += encipher(_xor(r, j.to_bytes(16, "big")))
        y = int.from_bytes(s[:d], "big")
        m = u if i % 2 == 0 else v
        c = _str((_num(a, radix) + y) % radix**m, radix, m)
        a, b_half = b_half, c
    return a + b_half


def _prf(encipher: Block, text: bytes) -> bytes:
    state = bytes(16)
    for start in range(0, len(text), 16):
        state = encipher(_xor(state, text[start : start + 16]))
    return state


def _num(text: list[int], radix: int) -> int:
    number = 0
    for numeral in text:
        number = number * radix + numeral
    return number


def _str(number: int, radix: int, length: int) -> list[int]:
    text = []
    for _ in range(length):
        number, numeral = divmod(number, radix)
        text.append(numeral)
    return text[::-1]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
