"""What holds keys in the clear shows none of them, and is not copied."""

from __future__ import annotations

from typing import NoReturn, SupportsIndex


class Unshown:
    """A base for whatever holds key material: it has no telling repr, and is neither copied nor pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("keys are not copied or pickled: pass a reference to the key file")
