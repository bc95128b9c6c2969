"""What is done to each row of a disclosure: plain values, which also go where rows are treated by other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gateway.model.contract import DataContract
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.treatment import Treatment


@dataclass(frozen=True, slots=True)
class RowTreatment:
    """All that the treatment of a row hangs on but the row itself and the keys, which are named by the `domain`.

    `fields` leave, in this order; `traits` tell whether rows blend in. `today` is the city's day by which ages and
    epochs go. Nothing of who asks for which rows is in it.
    """

    contract: DataContract
    fields: Mapping[str, Treatment]
    traits: Mapping[str, Treatment]
    domain: PseudonymDomain
    today: date

    @property
    def treated(self) -> Mapping[str, Treatment]:
        """The fields that are read and treated: those that leave, and the traits."""
        return {**self.fields, **self.traits}
