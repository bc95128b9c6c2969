"""Terms of a grant: what Casbin's static answer does not know and every request must still meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from gateway.model.calendar import Hours
from gateway.model.meter import Allowance


@dataclass(frozen=True, slots=True)
class Terms:
    """When and how far a grant holds. Dates are in the city's calendar, the last day included.

    `hours` are those of each day in which it holds.
    `case_pattern` and `case_register` ask for a case number, of a form or open in a register. `consent` is the register
    in which a subject must have agreed. `quota` counts disclosures of one subject under one disclosure, `rate` an
    institution's calls under the grant, `subjects` the different subjects it names. `single` forbids bulk: one subject
    at a time, one record each. `break_glass` makes the grant one for emergencies, open so long after the caller said
    why. `max_rows` bounds the rows of one disclosure, `max_keys` the subjects named in one lookup or check. `trial`,
    of a deny, is the last day on which it only warns.
    """

    valid_from: date | None = None
    valid_until: date | None = None
    hours: Hours | None = None
    case_pattern: str | None = None
    case_register: str | None = None
    consent: str | None = None
    quota: Allowance | None = None
    rate: Allowance | None = None
    subjects: Allowance | None = None
    single: bool = False
    break_glass: timedelta | None = None
    max_rows: int | None = None
    max_keys: int | None = None
    trial: date | None = None

    def in_force(self, today: date) -> bool:
        """Tell whether `today` lies within the grant's days."""
        return (self.valid_from is None or self.valid_from <= today) and (
            self.valid_until is None or today <= self.valid_until
        )

    @property
    def needs_case(self) -> bool:
        """Whether a case number must be given."""
        return self.case_pattern is not None or self.case_register is not None

    def conditions(self) -> tuple[str, ...]:
        """Return the terms in words, for people."""
        said: list[tuple[object, str]] = [
            (self.valid_from, f"from {self.valid_from}"),
            (self.valid_until, f"until {self.valid_until}"),
            (self.hours, f"each day {self.hours}"),
            (self.case_pattern, f"with a case number like {self.case_pattern} (A: a letter, 9: a digit)"),
            (self.case_register, f"with a case number that is open in the register {self.case_register}"),
            (self.consent, f"only those who agreed, by the register {self.consent}"),
            (self.quota, f"at most {self.quota} for each subject"),
            (self.rate, f"at most {self.rate} in calls"),
            (self.subjects, f"at most {self.subjects} in different subjects"),
            (self.single or None, "one subject at a time, and no lists"),
            (self.break_glass, "in an emergency alone: say why, and it is reviewed within 24 hours"),
            (self.max_rows, f"at most {self.max_rows} rows at a time"),
            (self.max_keys, f"at most {self.max_keys} subjects at a time"),
        ]
        return tuple(words for term, words in said if term is not None)


NO_TERMS = Terms()
"""Those of a grant that asks for nothing more."""
