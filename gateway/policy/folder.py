"""The policy folder as bytes: every file read once, so that the digest and the meaning are of the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from gateway.policy.problems import Problems, did_you_mean

MAX_YAML_BYTES = 1 << 20
MAX_OTHER_BYTES = 32 << 20
MAX_FILES = 10_000
_MAX_DEPTH = 6

WHOLE = "."
"""Where problems of the folder as a whole are told."""

_TOO_MANY, _FEWER = f"the folder holds more than {MAX_FILES} files", "Remove what is no policy."
_NO_NAME, _RENAME = "a file has a name that no policy file has", "Name it in letters that can be printed."

MODEL = "model.conf"
GRANTS = "grants.csv"
PURPOSES = "purposes.yaml"
REGIONS = "regions.yaml"
BUDGETS = "budgets.yaml"
OFFICERS = "officers.yaml"
REGISTERS = "registers.yaml"
FORMS = "forms.yaml"
CONTRACTS = "contracts/"
_REQUIRED = (MODEL, GRANTS, PURPOSES, REGIONS, BUDGETS)
_OPTIONAL = (OFFICERS, REGISTERS, FORMS)


def read_folder(folder: Path, problems: Problems) -> dict[str, bytes]:
    """Return the bytes of every file by its path in the folder ("/" between the parts), in order.

    Left out are hidden files and folders (a leading dot) and the back-up copies of editors (a trailing "~", or
    "#" at both ends): they are not policy, and an open editor must not change the digest.
    """
    files: dict[str, bytes] = {}
    _walk(folder, "", files, problems, 0)
    return dict(sorted(files.items()))


def check_files(files: Mapping[str, bytes], problems: Problems) -> None:
    """Note which files are missing, and which the gateway has no place for.

    A file with a mistyped name must not be silently without effect.
    """
    for name in _REQUIRED:
        # what was found there and could not be taken is not missing
        if name not in files and not problems.told_of(name) and not problems.told_of(WHOLE):
            problems.add(name, 0, "the file is missing or cannot be read", "The policy needs it.")
    for name in files:
        if not _has_place(name):
            top = [*_REQUIRED, *_OPTIONAL, "contracts/<dataset>.yaml", "tests/<name>.yaml"]
            problems.add(name, 0, "the gateway has no place for this file", did_you_mean(name, top, "Move it away."))


def receive_files(files: Mapping[str, bytes], problems: Problems) -> dict[str, bytes]:
    """Return files that did not come from a folder, after noting those that could not stand in one."""
    if len(files) > MAX_FILES:
        problems.add(WHOLE, 0, _TOO_MANY, _FEWER)
        return {}
    received: dict[str, bytes] = {}
    for name, content in sorted(files.items()):
        parts = name.split("/")
        if len(parts) > _MAX_DEPTH + 1 or any(not part or part in (".", "..") or _ignored(part) for part in parts):
            problems.add(WHOLE, 0, _NO_NAME, "Send what the folder holds.")
        elif not name.isprintable():
            problems.add(WHOLE, 0, _NO_NAME, _RENAME)
        else:
            _accept(name, content, received, problems)
    return received


def is_contract(name: str) -> bool:
    """Tell whether a file lies where contracts do, by its path."""
    return name.startswith(CONTRACTS) and name.endswith(".yaml") and name.count("/") == 1


def folder_digest(files: Mapping[str, bytes]) -> str:
    """Return SHA-256 (hex) over the files.

    Hashed is, for each file in the order of its UTF-8 path: the lengths of path and content as 8 bytes (big-endian),
    then path and content. With the lengths in front no two folders have the same encoding.
    """
    digest = hashlib.sha256()
    for path, content in sorted((name.encode(), content) for name, content in files.items()):
        digest.update(len(path).to_bytes(8, "big") + len(content).to_bytes(8, "big"))
        digest.update(path)
        digest.update(content)
    return digest.hexdigest()


def _ignored(name: str) -> bool:
    return name.startswith(".") or name.endswith("~") or (name.startswith("#") and name.endswith("#"))


def _has_place(name: str) -> bool:
    if name in _REQUIRED or name in _OPTIONAL or name.endswith(".md"):
        return True
    in_tests = name.startswith("tests/") and name.endswith(".yaml")
    return in_tests or is_contract(name) or (name.startswith("schema/") and name.endswith(".json"))


def _walk(folder: Path, prefix: str, files: dict[str, bytes], problems: Problems, depth: int) -> None:
    if depth > _MAX_DEPTH:
        problems.add(prefix.rstrip("/"), 0, "folders are nested too deeply", "Lay its files further up.")
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        problems.add(
            prefix.rstrip("/") or WHOLE, 0, "the folder cannot be read", "See that it is there and may be read."
        )
        return
    for entry in entries:
        if _ignored(entry.name):
            continue
        name = prefix + entry.name
        if not name.isprintable():
            # a name is printed and logged: it must not look like more than a name
            problems.add(prefix.rstrip("/") or WHOLE, 0, _NO_NAME, _RENAME)
        elif entry.is_dir():
            _walk(entry, name + "/", files, problems, depth + 1)
        elif len(files) >= MAX_FILES:
            problems.add(WHOLE, 0, _TOO_MANY, _FEWER)
            return
        else:
            _read(entry, name, files, problems)


def _read(path: Path, name: str, files: dict[str, bytes], problems: Problems) -> None:
    try:
        if not path.is_file():
            problems.add(name, 0, "this is not a regular file", "Put a file here, or a link that leads to one.")
            return
        with path.open("rb") as stream:
            content = stream.read(_limit(name) + 1)
    except OSError:
        problems.add(name, 0, "the file cannot be read", "See who may read it.")
        return
    _accept(name, content, files, problems)


def _limit(name: str) -> int:
    return MAX_YAML_BYTES if name.endswith(".yaml") else MAX_OTHER_BYTES


def _accept(name: str, content: bytes, files: dict[str, bytes], problems: Problems) -> None:
    if len(content) > _limit(name):
        problems.add(name, 0, f"the file is larger than {_limit(name) >> 20} MiB", "Shorten it.")
        return
    if name.endswith((".yaml", ".csv", ".conf")) and (line := _first_bad_line(content)):
        problems.add(name, line, "the file is not UTF-8 text", "Save it as UTF-8.")
        return
    files[name] = content


def _first_bad_line(content: bytes) -> int:
    """Return the line of the first byte that is no UTF-8 text, or zero; 0 if there is none."""
    at = content.find(b"\x00")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start if at < 0 else min(at, error.start)
    return 0 if at < 0 else content.count(b"\n", 0, at) + 1
