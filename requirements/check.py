"""Checks, without a network, that the locks under requirements/ are in step with pyproject.toml.

    python requirements/check.py

Each requirement must be met by what its lock pins, for every supported Python; every pin must have hashes; no
lock may name an index; the smaller locks must be subsets of lock.txt; and in this environment nothing may be
pinned that nothing needs, or needed that is not pinned. `make lock` renews the locks.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from itertools import chain
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# The PyPI distribution of the same module that is no longer maintained: it must never sit beside pycasbin.
BANNED = frozenset({"casbin"})


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked version: `name==version ; marker`, with its hashes counted."""

    name: str
    version: Version
    marker: Marker | None
    hashes: int

    def holds(self, python: str | None = None) -> bool:
        """Whether the pin applies to this machine, or to this machine with another Python."""
        if self.marker is None:
            return True
        if python is None:
            return self.marker.evaluate()
        return self.marker.evaluate({"python_version": python, "python_full_version": f"{python}.0"})


def read_lock(text: str) -> list[Pin]:
    """The pins of a lock's text. Raises ValueError for a line that is neither a pin, a hash nor a comment."""
    pins = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        head, *hashes = line.split(" --hash=")
        if head.lstrip().startswith("-"):
            raise ValueError(f"an option in a lock: {head.split()[0]}")
        requirement = Requirement(head.strip())
        specifiers = list(requirement.specifier)
        if requirement.url or len(specifiers) != 1 or specifiers[0].operator != "==":
            raise ValueError(f"not an exact pin: {requirement.name}")
        version = Version(specifiers[0].version)
        pins.append(Pin(canonicalize_name(requirement.name), version, requirement.marker, len(hashes)))
    return pins


def faults(pyproject: str, locks: dict[str, str]) -> list[str]:
    """What is out of step between the text of pyproject.toml and those of the three locks, by file name."""
    tables = tomllib.loads(pyproject)
    project = tables["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    wanted = {
        "lock.txt": [
            *tables["build-system"]["requires"],
            *project["dependencies"],
            *chain.from_iterable(extras.values()),
        ],
        "server.txt": [*project["dependencies"], *extras["server"], *extras["postgres"]],
        "build.txt": list(tables["build-system"]["requires"]),
    }
    found = []
    pins = {}
    for lock in wanted:
        try:
            pins[lock] = read_lock(locks[lock])
        except ValueError as error:
            found.append(f"{lock}: {error}")
    if found:
        return found
    whole = {(pin.name, pin.version) for pin in pins["lock.txt"]}
    for lock, requirements in wanted.items():
        parsed = [Requirement(text) for text in requirements]
        found += (f"{lock}: {text}" for text in _faults_of(parsed, pins[lock], whole))
    return found


def _faults_of(wanted: list[Requirement], pins: list[Pin], whole: set[tuple[str, Version]]) -> Iterator[str]:
    for pin in pins:
        if not pin.hashes:
            yield f"{pin.name} has no hash"
        if pin.name in BANNED:
            yield f"{pin.name} must not be installed"
        if (pin.name, pin.version) not in whole:
            yield f"{pin.name} {pin.version} is not in lock.txt"
    for requirement in wanted:
        for python in PYTHONS:
            if not _is_met(requirement, [pin for pin in pins if pin.holds(python)]):
                yield f"nothing pinned meets {requirement} on Python {python}"
    here = {pin.name for pin in pins if pin.holds()}
    needed = _closure(wanted)
    yield from (f"{name} is pinned but nothing needs it" for name in sorted(here - needed))
    yield from (f"{name} is needed but not pinned" for name in sorted(needed - here))


def _is_met(requirement: Requirement, pins: Iterable[Pin]) -> bool:
    name = canonicalize_name(requirement.name)
    return any(pin.name == name and requirement.specifier.contains(pin.version) for pin in pins)


def _closure(wanted: Iterable[Requirement]) -> set[str]:
    """The names of all distributions that `wanted` takes here, by the metadata of those installed."""
    names: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = list(wanted)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        names.add(name)
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                needs = requires(name) or []
            except PackageNotFoundError:
                continue
            for need in map(Requirement, needs):
                if need.marker is None or need.marker.evaluate({"extra": extra}):
                    waiting.append(need)
    return names


def main() -> int:
    names = ("lock.txt", "server.txt", "build.txt")
    locks = {name: (ROOT / "requirements" / name).read_text(encoding="utf-8") for name in names}
    found = faults((ROOT / "pyproject.toml").read_text(encoding="utf-8"), locks)
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        print("run `make lock` and commit the result", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
