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

MODEL = "model.conf"
GRANTS = "grants.csv"
PURPOSES = "purposes.yaml"
REGIONS = "regions.yaml"
BUDGETS = "budgets.yaml"
OFFICERS = "officers.yaml"
REGISTERS = "registers.yaml"
CONTRACTS = "contracts/"
_REQUIRED = (MODEL, GRANTS, PURPOSES, REGIONS, BUDGETS)
_OPTIONAL = (OFFICERS, REGISTERS)


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
        if name not in files:
            problems.add(name, 0, "the file is missing or cannot be read", "The policy needs it.")
    for name in files:
        if not _has_place(name):
            top = [*_REQUIRED, *_OPTIONAL, "contracts/<dataset>.yaml", "tests/<name>.yaml"]
            problems.add(name, 0, "the gateway has no place for this file", did_you_mean(name, top, "Move it away."))


def receive_files(files: Mapping[str, bytes], problems: Problems) -> dict[str, bytes]:
    """Return files that did not come from a folder, after noting those that could not stand in one."""
    if len(files) > MAX_FILES:
        problems.add(".", 0, f"the folder holds more than {MAX_FILES} files")
        return {}
    received: dict[str, bytes] = {}
    for name, content in sorted(files.items()):
        parts = name.split("/")
        if len(parts) > _MAX_DEPTH or any(not part or part in (".", "..") or _ignored(part) for part in parts):
            problems.add(".", 0, "a file has a name that no policy file has", "Send what the folder holds.")
        else:
            _accept(name, content, received, problems)
    return received


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
    if name.startswith(CONTRACTS):
        return name.endswith(".yaml") and name.count("/") == 1
    return name.startswith(("tests/", "schema/"))


def _walk(folder: Path, prefix: str, files: dict[str, bytes], problems: Problems, depth: int) -> None:
    if depth > _MAX_DEPTH:
        problems.add(prefix, 0, "folders are nested too deeply")
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        problems.add(prefix or ".", 0, "the folder cannot be read")
        return
    for entry in entries:
        if _ignored(entry.name):
            continue
        name = prefix + entry.name
        if entry.is_dir():
            _walk(entry, name + "/", files, problems, depth + 1)
        elif len(files) >= MAX_FILES:
            problems.add(name, 0, f"the folder holds more than {MAX_FILES} files")
            return
        else:
            _read(entry, name, files, problems)


def _read(path: Path, name: str, files: dict[str, bytes], problems: Problems) -> None:
    try:
        if not path.is_file():
            problems.add(name, 0, "this is not a regular file")
            return
        with path.open("rb") as stream:
            content = stream.read(_limit(name) + 1)
    except OSError:
        problems.add(name, 0, "the file cannot be read")
        return
    _accept(name, content, files, problems)


def _limit(name: str) -> int:
    return MAX_YAML_BYTES if name.endswith(".yaml") else MAX_OTHER_BYTES


def _accept(name: str, content: bytes, files: dict[str, bytes], problems: Problems) -> None:
    if len(content) > _limit(name):
        problems.add(name, 0, f"the file is larger than {_limit(name) >> 20} MiB", "Split it.")
        return
    try:
        name.encode()
        text = content.decode("utf-8") if name.endswith((".yaml", ".csv", ".conf")) else ""
    except UnicodeError:
        problems.add(name, 0, "the file is not UTF-8 text", "Save it as UTF-8.")
        return
    if "\x00" in text:
        problems.add(name, 0, "the file is not UTF-8 text", "Save it as UTF-8.")
        return
    files[name] = content
