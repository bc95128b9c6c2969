"""What every sealed type has: no way to be made but by its own mint, and none to be copied or shown."""

from __future__ import annotations

from typing import Never, Self

from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Obligation, Permit


class Sealed:
    """What the sealed types share. Subclasses outside this package are refused."""

    __slots__ = ("_discharged", "_permit")
    _permit: Permit
    _discharged: frozenset[Obligation]

    def __init__(self, seal: Never) -> None:
        # no value has the type Never, so the type checker refuses every call; at run time this does
        raise TypeError(f"{type(self).__name__} is minted by its stage and has no public constructor")

    def __init_subclass__(cls, **kwargs: object) -> None:
        if cls.__module__.rpartition(".")[0] != __package__:
            raise TypeError("a sealed table cannot be subclassed")
        super().__init_subclass__(**kwargs)

    @classmethod
    def _mint(cls, permit: Permit, discharged: frozenset[Obligation], **held: object) -> Self:
        """Make a sealed value. Only this package calls it; stages mint through the method of their own type."""
        sealed = object.__new__(cls)
        sealed._permit = permit
        sealed._discharged = discharged
        for name, value in held.items():
            setattr(sealed, f"_{name}", value)
        return sealed

    def __copy__(self) -> Never:
        raise TypeError("a sealed table cannot be copied")

    def __deepcopy__(self, _: object) -> Never:
        raise TypeError("a sealed table cannot be copied")

    def __reduce_ex__(self, _: object) -> Never:
        raise TypeError("a sealed table cannot be pickled")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} under {self._permit.scope.grant}>"

    @property
    def permit(self) -> Permit:
        """The permit the data moves under."""
        return self._permit

    @property
    def discharged(self) -> frozenset[Obligation]:
        """The obligations discharged so far."""
        return self._discharged


def require(value: object, exact: type) -> None:
    """Refuse anything but this very type.

    Raises:
        Fault: INTERNAL.
    """
    if type(value) is not exact:
        raise Fault(ErrorReason.INTERNAL)


def require_discharged(value: Sealed, exact: type[Sealed]) -> None:
    """Refuse anything but this very type with exactly the obligations of its permit discharged.

    Raises:
        Fault: INTERNAL.
    """
    require(value, exact)
    if value.discharged != value.permit.obligations:
        raise Fault(ErrorReason.INTERNAL)
