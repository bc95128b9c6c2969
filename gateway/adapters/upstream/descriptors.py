"""Descriptor sets: what `protoc --descriptor_set_out --include_imports` or `buf build` writes."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError


class InvalidDescriptors(Exception):
    """A file is no descriptor set that can be used; the text says why."""


def read_descriptors(content: bytes) -> DescriptorPool:
    """Return what a serialized `FileDescriptorSet` describes, in a pool of its own.

    Raises:
        InvalidDescriptors: it is none, lacks a file that it imports, or contradicts itself.
    """
    try:
        described = FileDescriptorSet.FromString(content)
    except DecodeError:
        raise InvalidDescriptors("is no descriptor set") from None
    if not described.file:
        raise InvalidDescriptors("describes no file")
    pool, waiting = DescriptorPool(), {file.name: file for file in described.file}
    while waiting:
        ready = [file for file in waiting.values() if not any(name in waiting for name in file.dependency)]
        if not ready:
            raise InvalidDescriptors("has files that import each other")
        for file in ready:
            _add(pool, file, {one.name for one in described.file})
            del waiting[file.name]
    return pool


def _add(pool: DescriptorPool, file: FileDescriptorProto, there: set[str]) -> None:
    for name in file.dependency:
        if name not in there:
            raise InvalidDescriptors(f"lacks {name}: write it with --include_imports")
    try:
        pool.AddSerializedFile(file.SerializeToString())
    except TypeError:
        raise InvalidDescriptors(f"contradicts itself in {file.name}") from None
