"""The files of a policy as one run of bytes, and back.

For each file, in the order of the paths' UTF-8 bytes: the length of the path (4 bytes, big-endian), the path, the
length of the content (8 bytes, big-endian), the content. Paths are bytes here and lead nowhere: nothing is unpacked
into a folder.
"""

from __future__ import annotations

from collections.abc import Mapping


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the bytes of the files: equal files have equal bytes, and others have others.

    Raises:
        ValueError: a path is not Unicode text.
    """
    parts: list[bytes] = []
    for path, content in sorted((path.encode(), content) for path, content in files.items()):
        parts += (len(path).to_bytes(4, "big"), path, len(content).to_bytes(8, "big"), content)
    return b"".join(parts)


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the files whose bytes these are.

    Raises:
        ValueError: the bytes are not what `pack` returns for some files.
    """
    files: dict[str, bytes] = {}
    place = 0

    def take(length: int) -> bytes:
        nonlocal place
        place += length
        if place > len(data):
            raise ValueError("packed files end early")
        return data[place - length : place]

    while place < len(data):
        path = take(int.from_bytes(take(4), "big")).decode()
        files[path] = take(int.from_bytes(take(8), "big"))
    if pack(files) != data:
        raise ValueError("packed files are not in their one form")
    return files
