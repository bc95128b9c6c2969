"""How a dataset is published and cited: what a reader of an open table must know of where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

SPDX = frozenset(
    (
        "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0",
        "CC-BY-NC-ND-4.0", "CC-PDDC", "PDDL-1.0", "ODC-By-1.0", "ODbL-1.0", "CDLA-Permissive-1.0",
        "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "C-UDA-1.0", "DL-DE-BY-2.0", "DL-DE-ZERO-2.0", "etalab-2.0",
        "NLOD-2.0", "OGL-UK-3.0", "OGL-Canada-2.0", "O-UDA-1.0", "MulanPSL-2.0",
    )
)  # fmt: skip
"""The identifiers of the SPDX licence list that are licences of data. Any other licence is named by its address."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """`licence` is an SPDX identifier or an https address; `identifier` a bare DOI, such an address, or "" for none."""

    title: str
    publisher: str
    licence: str
    citation: str
    identifier: str = ""

    @property
    def licence_url(self) -> str:
        """The address at which the licence can be read."""
        return f"https://spdx.org/licenses/{self.licence}.html" if self.licence in SPDX else self.licence

    @property
    def identifier_url(self) -> str:
        """The address that the persistent identifier resolves at; "" for none."""
        return f"https://doi.org/{self.identifier}" if self.identifier.startswith("10.") else self.identifier
