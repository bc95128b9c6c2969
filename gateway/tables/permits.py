"""Permits that went through a stage: what registers know was asked, or the loss was charged."""

from __future__ import annotations

from gateway.model.budget import Charge
from gateway.model.permit import Permit
from gateway.tables.seal import Sealed, require


class AdmittedPermit(Sealed):
    """Proof that what registers know of a permit's terms holds, and that the call was counted. Minted by `admit`."""

    __slots__ = ()

    @classmethod
    def _admit(cls, permit: Permit) -> AdmittedPermit:
        require(permit, Permit)
        return cls._mint(permit, frozenset())


class ChargedPermit(Sealed):
    """Proof that the loss of a release is durably charged. Minted by `charge`; without it no aggregates are fetched."""

    __slots__ = ("_charge", "_data_version", "_versions")
    _charge: Charge
    _data_version: str
    _versions: tuple[str, ...]

    @classmethod
    def _prove(
        cls, admitted: AdmittedPermit, charge: Charge, data_version: str, versions: tuple[str, ...]
    ) -> ChargedPermit:
        require(admitted, AdmittedPermit)
        require(charge, Charge)
        return cls._mint(admitted.permit, frozenset(), charge=charge, data_version=data_version, versions=versions)

    @property
    def charge(self) -> Charge:
        """The durable charge."""
        return self._charge

    @property
    def data_version(self) -> str:
        """The version of the data the charge is for."""
        return self._data_version

    @property
    def versions(self) -> tuple[str, ...]:
        """The source's own names for it, one for each dataset that the permit opens. They stay inside."""
        return self._versions
