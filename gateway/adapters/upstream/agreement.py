"""A contract held against the descriptors of its service: they agree to the last field, or nothing is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.adapters.upstream.leaves import DATE, TIMESTAMP, WRAPPERS, Contents, Leaf, contents
from gateway.model.contract import DataContract, FieldSpec
from gateway.model.upstream import Always, KeyOf, MethodSpec, RegionOf, RequestValue, SinceOf, UpstreamSpec
from gateway.model.values import FieldType
from gateway.policy.problems import with_article

PAGE, NEXT_PAGE = "page_token", "next_page_token"
"""Pages go by the names of https://google.aip.dev/158."""

_KINDS: dict[FieldType, frozenset[int | str]] = {
    FieldType.STRING: frozenset((FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM)),
    FieldType.INT64: frozenset(
        (
            FieldDescriptor.TYPE_INT32,
            FieldDescriptor.TYPE_INT64,
            FieldDescriptor.TYPE_SINT32,
            FieldDescriptor.TYPE_SINT64,
            FieldDescriptor.TYPE_SFIXED32,
            FieldDescriptor.TYPE_SFIXED64,
            FieldDescriptor.TYPE_UINT32,
            FieldDescriptor.TYPE_FIXED32,
        )
    ),
    FieldType.DOUBLE: frozenset((FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE)),
    FieldType.BOOL: frozenset((FieldDescriptor.TYPE_BOOL,)),
    FieldType.DATE: frozenset((DATE,)),
    FieldType.TIMESTAMP: frozenset((TIMESTAMP,)),
}
"""What becomes a value of a type without one being lost: kinds of fields, and messages by name."""

_REPEATABLE = frozenset((MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT))


class Disagreement(Exception):
    """A contract and its service's descriptors do not agree. Its text has a line for each reason, of schema alone."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(self.reasons))


@dataclass(frozen=True, slots=True)
class Method:
    """A method that fits. `repeatable`: asking twice does what asking once does. `paged`: its answer has pages."""

    spec: MethodSpec
    path: str
    request: Descriptor
    response: Descriptor
    streams: bool
    repeatable: bool
    paged: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a contract reads of a service: the methods, and the leaf of a record behind each field of the dataset."""

    lists: Method | None
    looks_up: Method | None
    leaves: dict[str, Leaf]


def agree(contract: DataContract, pool: DescriptorPool) -> Agreement:
    """Hold a contract over a service against its descriptors.

    Raises:
        Disagreement: a method is not there, a field is not classified or cannot be, or one is not what is declared.
    """
    spec = contract.upstream
    if spec is None:
        raise Disagreement(["the contract is over no service"])
    try:
        service = pool.FindServiceByName(spec.service)
    except KeyError:
        raise Disagreement([f"{spec.service}: there is no such service"]) from None
    reader = _Reader(contract, spec, service)
    lists, looks_up = reader.method(spec.lists), reader.method(spec.looks_up)
    leaves = reader.leaves()
    if reader.reasons:
        raise Disagreement(dict.fromkeys(reader.reasons))
    return Agreement(lists, looks_up, leaves)


def kind_of(field: FieldDescriptor) -> int | str:
    """Return the kind of values that a leaf holds: of a wrapper that of its value, of others their name."""
    if field.message_type is None:
        return field.type
    name = field.message_type.full_name
    return WRAPPERS.get(name, name)


def type_of(leaf: Leaf) -> FieldType | None:
    """Return the type of the field that a leaf can become; None if it can only be left out."""
    kind = kind_of(leaf.field)
    return None if leaf.many else next((one for one, kinds in _KINDS.items() if kind in kinds), None)


def is_paged(method: MethodDescriptor) -> bool:
    """Tell whether a method answers in pages, which are read to the last one."""
    ends = (method.input_type.fields_by_name.get(PAGE), method.output_type.fields_by_name.get(NEXT_PAGE))
    texts = all(end is not None and end.type == FieldDescriptor.TYPE_STRING and not end.is_repeated for end in ends)
    return texts and not method.server_streaming


class _Reader:
    def __init__(self, contract: DataContract, spec: UpstreamSpec, service: ServiceDescriptor) -> None:
        self._contract, self._spec, self._service = contract, spec, service
        self._records: dict[str, Descriptor] = {}
        self.reasons: list[str] = []

    def method(self, spec: MethodSpec | None) -> Method | None:
        if spec is None:
            return None
        found = self._service.methods_by_name.get(spec.name)
        if found is None or found.client_streaming:
            why = "there is no such method" if found is None else "takes a stream of requests"
            self.reasons.append(f"{self._service.full_name}.{spec.name}: {why}")
            return None
        paged = is_paged(found)
        if not paged and NEXT_PAGE in found.output_type.fields_by_name:
            self.reasons.append(f"{found.output_type.full_name}.{NEXT_PAGE}: there is no way to ask for the next page")
        self._envelope(spec, found.output_type, paged)
        for path, value in spec.request.items():
            self._request(path, value, found.input_type)
        return Method(
            spec,
            f"/{self._service.full_name}/{found.name}",
            found.input_type,
            found.output_type,
            found.server_streaming,
            found.GetOptions().idempotency_level in _REPEATABLE,
            paged,
        )

    def leaves(self) -> dict[str, Leaf]:
        """Every field of the dataset with its leaf; told are those that do not fit, and all that nobody classified."""
        names = {record.full_name for record in self._records.values()}
        if len(names) > 1:
            self.reasons.append(f"the methods have records of different kinds: {', '.join(sorted(names))}")
        if len(names) != 1:
            return {}
        record = next(iter(self._records.values()))
        found = contents(record)
        self._classified(record, found, {*self._spec.paths.values(), *self._spec.left_out})
        by_path = {leaf.path: leaf for leaf in found.leaves}
        leaves: dict[str, Leaf] = {}
        for name, path in self._spec.paths.items():
            leaf = by_path.get(path)
            if leaf is not None and self._fits(record, self._contract.fields[name], leaf):
                leaves[name] = leaf
        return leaves

    def _envelope(self, spec: MethodSpec, response: Descriptor, paged: bool) -> None:
        """The record of a method, and all that its responses hold besides."""
        if not spec.records:
            self._records[spec.name] = response
            if spec.left_out:
                self.reasons.append(f"{response.full_name}: is the record itself; list what it holds beside it there")
            return
        step = step_at(response, spec.records)
        if step is None or not step.is_repeated or step.message_type is None:
            self.reasons.append(f"{response.full_name}.{spec.records}: is no repeated message")
            return
        self._records[spec.name] = step.message_type
        self._classified(
            response, contents(response, spec.records), spec.left_out | ({NEXT_PAGE} if paged else frozenset())
        )

    def _classified(self, message: Descriptor, found: Contents, classified: Iterable[str]) -> None:
        known, there = set(classified), {leaf.path for leaf in found.leaves}
        self.reasons += [f"{_at(message, one.path)}: {one.why}" for one in found.unclassifiable]
        self.reasons += [
            f"{message.full_name}.{leaf.path}: is not classified" for leaf in found.leaves if leaf.path not in known
        ]
        self.reasons += [f"{message.full_name}.{path}: there is no such field" for path in sorted(known - there)]

    def _fits(self, record: Descriptor, field: FieldSpec, leaf: Leaf) -> bool:
        if leaf.many:
            self.reasons.append(f"{record.full_name}.{leaf.path}: may be there more than once, and '{field.name}' once")
        elif kind_of(leaf.field) not in _KINDS[field.type]:
            self.reasons.append(f"{record.full_name}.{leaf.path}: does not become {with_article(field.type)}")
        else:
            return True
        return False

    def _request(self, path: str, value: RequestValue, request: Descriptor) -> None:
        step = step_at(request, path)
        if step is None:
            self.reasons.append(f"{request.full_name}.{path}: there is no such field")
        elif not any(_carries(step, value, kind) for kind in self._kinds(value)):
            self.reasons.append(f"{request.full_name}.{path}: does not take what it is asked with")
        elif step.is_repeated and not isinstance(value, KeyOf):
            self.reasons.append(f"{request.full_name}.{path}: may be there more than once, and is asked with once")

    def _kinds(self, value: RequestValue) -> Iterator[FieldType]:
        match value:
            case KeyOf(field) | SinceOf(field):
                yield self._contract.fields[field].type
            case RegionOf():
                yield FieldType.STRING
            case Always(constant):
                yield from (kind for kind in FieldType if kind.holds(constant))


def _carries(field: FieldDescriptor, value: RequestValue, kind: FieldType) -> bool:
    """Whether a field of a request takes a value of a type: of an enum, by its name, and only what is always sent."""
    if field.enum_type is not None:
        return isinstance(value, Always) and value.value in field.enum_type.values_by_name
    return (field.type if field.message_type is None else field.message_type.full_name) in _KINDS[kind]


def step_at(message: Descriptor, path: str) -> FieldDescriptor | None:
    """The field at a path that leads through fields which are there at most once."""
    *way, last = path.split(".")
    for name in way:
        field = message.fields_by_name.get(name)
        if field is None or field.is_repeated or field.message_type is None:
            return None
        message = field.message_type
    return message.fields_by_name.get(last)


def _at(message: Descriptor, path: str) -> str:
    return f"{message.full_name}.{path}" if path else str(message.full_name)
