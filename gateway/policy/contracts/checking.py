"""How the readers of a contract tell what is wrong in it, and what several of them check alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gateway.model.treatment import Perturb, Treatment

Place = tuple[str | int, ...]
Wrong = Callable[..., None]
"""Takes a place in the document, what is wrong there, and a remedy."""


def check_once(names: Iterable[str], wrong: Callable[[str, str], None]) -> None:
    """Tell of each name that is there more than once."""
    listed = list(names)
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        wrong(f"'{name}' is given twice", "Keep one of them.")


def check_chosen_by(place: Place, name: str, treatments: Mapping[str, Treatment], wrong: Wrong) -> None:
    """Tell where rows are chosen by a field that leaves randomised."""
    # epsilon bounds what an answer tells of the value; that the row is there at all would tell more
    if isinstance(treatments.get(name), Perturb):
        wrong(
            place,
            f"'{name}' leaves randomised, and which rows leave would tell its value",
            "Choose the rows by another field, or treat this one otherwise.",
        )
