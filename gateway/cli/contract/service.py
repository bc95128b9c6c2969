"""`gateway contract service`: drafts a data contract from the descriptors of a department's own gRPC service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from gateway.adapters.upstream.agreement import NEXT_PAGE, PAGE, is_paged, type_of
from gateway.adapters.upstream.descriptors import InvalidDescriptors, read_descriptors
from gateway.adapters.upstream.leaves import Contents, Leaf, contents
from gateway.cli.contract.clues import Clue, Detective
from gateway.cli.contract.column_types import Typing
from gateway.cli.contract.draft import CONFIRM, write_draft
from gateway.cli.contract.files import check_draft, is_dataset_name, see_replaceable, write_text
from gateway.cli.contract.plan import DraftPlan, PlannedField, draft_plan, field_name
from gateway.cli.contract.survey import Column
from gateway.cli.mistake import Mistake
from gateway.policy.problems import did_you_mean


def service(
    descriptors: Path,
    /,
    *,
    dataset: str,
    method: str,
    lookup: str = "",
    server: str = "to-be-named",
    policies: Path = Path("policies"),
    force: bool = False,
) -> None:
    """Draft a contract from the descriptor set of a department's gRPC service, with every field of its records.

    No service is called. Classifications are guessed from names; an officer confirms each.

    Parameters
    ----------
    descriptors
        The descriptor set of the service, with all that it imports.
    dataset
        What to call the dataset: a-z, 0-9 and _, starting with a letter.
    method
        The method that lists all records, with its service: city.health.v1.CodeRegistry.ListCodes.
    lookup
        The method of the same service that gives the records of subjects, if there is one.
    server
        What settings call the connection, as in [data.services.NAME].
    policies
        The policy folder; the draft becomes contracts/DATASET.yaml in it.
    force
        Replace a draft that exists.
    """
    if not is_dataset_name(dataset):
        raise Mistake(
            "the dataset's name is not well-formed", "Use a-z, 0-9 and _, starting with a letter, at most 64."
        )
    if not policies.is_dir():
        raise Mistake(f"there is no policy folder {policies}", "Name it with --policies.")
    target = policies / "contracts" / f"{dataset}.yaml"
    see_replaceable(target, force)
    lists = _method(descriptors, method)
    looks_up = _method(descriptors, f"{lists.containing_service.full_name}.{lookup}") if lookup else None
    records, record = _records(lists)
    plan, left_out = _plan(record, descriptors)
    upstream = ["upstream:", *_asked("list", lists, records), *_looked_up(looks_up, record, plan)]
    upstream += _left_out(left_out, "")
    told = f"{{server: {server}, type: api, location: {lists.containing_service.full_name}}}"
    text = write_draft(dataset, told, plan, upstream)
    check_draft(dataset, text, "Choose another --server, or --dataset.")
    write_text(target, text)
    print(
        f"Wrote {target}: a draft with {len(plan.fields)} fields, and {len(left_out)} left out. It discloses nothing."
    )
    print(f"Settle every line marked '{CONFIRM}', remove the mark, and write the disclosures that a purpose needs.")


def _method(descriptors: Path, name: str) -> MethodDescriptor:
    try:
        pool = read_descriptors(descriptors.read_bytes())
    except OSError as error:
        raise Mistake(f"{descriptors} cannot be read: {error.strerror}") from None
    except InvalidDescriptors as wrong:
        raise Mistake(f"{descriptors} {wrong}") from None
    service, _, method = name.rpartition(".")
    try:
        found = pool.FindServiceByName(service)
    except KeyError:
        raise Mistake(f"there is no service {service}", "Write --method package.v1.Service.Method.") from None
    if method not in found.methods_by_name:
        raise Mistake(f"{service} has no method {method}", did_you_mean(method, found.methods_by_name))
    return found.methods_by_name[method]


def _records(method: MethodDescriptor) -> tuple[str, Descriptor]:
    """Where the records of a method are, and of which kind: its one repeated message, or ("") each response."""
    response = method.output_type
    repeated = [
        (field.name, field.message_type)
        for field in response.fields
        if field.is_repeated and field.message_type is not None and not field.message_type.GetOptions().map_entry
    ]
    if len(repeated) == 1:
        return repeated[0]
    if method.server_streaming:
        return "", response
    remedy = "Name a method whose response holds its records in one repeated message."
    raise Mistake(f"{response.full_name} does not say where its records are", remedy)


def _plan(record: Descriptor, descriptors: Path) -> tuple[DraftPlan, list[Leaf]]:
    """The fields to collect, and the leaves that can only be left out."""
    fields: list[PlannedField] = []
    left_out: list[Leaf] = []
    taken: set[str] = set()
    for index, leaf in enumerate(_all(record, contents(record))):
        kind = type_of(leaf)
        if kind is None:
            left_out.append(leaf)
            continue
        last = leaf.path.rpartition(".")[2]
        name = field_name(leaf.path.replace(".", "_") if last.casefold() in taken else last, index, taken)
        taken.add(name.casefold())
        nullable = any(step.has_presence and not step.is_required for step in leaf.steps)
        column = Column(index, leaf.path, Typing(kind), _clue(leaf), nullable, False)
        fields.append(PlannedField(name, column, kind, column.clue, nullable, "", leaf.path))
    return draft_plan(fields, [], descriptors), left_out


def _all(message: Descriptor, found: Contents) -> tuple[Leaf, ...]:
    if found.unclassifiable:
        path, why = found.unclassifiable[0]
        place = f"{message.full_name}.{path}" if path else message.full_name
        raise Mistake(f"{place} {why}", "A gateway cannot stand in front of what nobody can classify.")
    return found.leaves


def _clue(leaf: Leaf) -> Clue:
    """What a leaf may say of a person: by the names on the way to it, the nearest first."""
    names = leaf.path.split(".")
    clue = Detective(names[-1]).found(type_of(leaf))
    return clue if len(names) == 1 or clue.unit else Detective(" ".join(names[-2:])).found(type_of(leaf))


def _asked(word: str, method: MethodDescriptor, records: str, key: str = "", unit: str = "") -> Iterator[str]:
    yield f"  {word}:"
    yield f"    method: {method.name}"
    if records:
        yield f"    records: {records}"
    others = [leaf.path for leaf in contents(method.input_type).leaves if leaf.path not in (key, PAGE)]
    if key:
        yield f"    request: {{{key}: {{key: {unit}}}}}  {CONFIRM} that this names the subjects"
    elif others:
        yield f"    # its request has {', '.join(others)}; ask with the region, if it takes one:"
        yield "    # request: {…: {region: true}}"
    if records:
        known = {NEXT_PAGE} if is_paged(method) else set()
        beside = _all(method.output_type, contents(method.output_type, records))
        yield from _left_out([one for one in beside if one.path not in known], "  ")


def _looked_up(method: MethodDescriptor | None, record: Descriptor, plan: DraftPlan) -> Iterator[str]:
    if method is None:
        return
    leaves = contents(method.input_type).leaves
    records = "" if method.output_type.full_name == record.full_name else _records(method)[0]
    if len(leaves) != 1:
        remedy = "Draft without --lookup, and add the lookup by hand."
        raise Mistake(f"the request of {method.name} does not say which field names the subjects", remedy)
    yield from _asked("lookup", method, records, leaves[0].path, plan.unit.name)


def _left_out(leaves: Sequence[Leaf], indent: str) -> Iterator[str]:
    if leaves:
        yield f"  {indent}left_out:"
    for leaf in leaves:
        clue = _clue(leaf)
        yield f"    {indent}{leaf.path}: {clue.classification}  {CONFIRM} {clue.why}"
