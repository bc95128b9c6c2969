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
CONTRACTS = "contracts/"
_REQUIRED = (MODEL, GRANTS, PURPOSES, REGIONS, BUDGETS)


def read_folder(folder: Path, problems: Problems) -> dict[str, bytes]:
    """Return the bytes of every file by its path in the folder ("/" between the parts), in order.

    Left out are hidden files and folders (a leading dot) and the back-up copies of editors (a trailing "~", or
    "#" at both ends): they are not policy, and an open editor must not change the digest. Files that the gateway
    has no place for are problems: a file with a mistyped name must not be silently without effect.
    """
    files: dict[str, bytes] = {}
    _walk(folder, "", files, problems, 0)
    for name in _REQUIRED:
        if name not in files:
            problems.add(name, 0, "the file is missing or cannot be read", "The policy needs it.")
    for name in files:
        if not _has_place(name):
            top = [*_REQUIRED, "contracts/<dataset>.yaml", "tests/<name>.yaml"]
            problems.add(name, 0, "the gateway has no place for this file", did_you_mean(name, top, "Move it away."))
    return dict(sorted(files.items()))


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
    if name in _REQUIRED or name.endswith(".md"):
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
    limit = MAX_YAML_BYTES if name.endswith(".yaml") else MAX_OTHER_BYTES
    try:
        if not path.is_file():
            problems.add(name, 0, "this is not a regular file")
            return
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError:
        problems.add(name, 0, "the file cannot be read")
        return
    if len(content) > limit:
        problems.add(name, 0, f"the file is larger than {limit >> 20} MiB", "Split it.")
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
