"""Header types, headers, stacks, unions and field aliases."""

from __future__ import annotations

from typing import Final

from testbed.p4.switch.loader.cursor import MAX_BITS, Cursor
from testbed.p4.switch.loader.scope import Scope
from testbed.p4.switch.model import Field, Header, HeaderType, Stack, Union, UnionStack

MAX_HEADERS: Final = 4096


def load_headers(root: Cursor, scope: Scope) -> None:
    """Fill `scope` with everything that holds fields."""
    for at in root.items("header_types"):
        scope.header_type_names.declare(at, len(scope.header_types))
        scope.header_types.append(_header_type(at))
    if len(root.items("headers")) > MAX_HEADERS:
        raise root.get("headers").error(f"more than {MAX_HEADERS} headers")
    unions = _union_members(root, scope)
    for i, at in enumerate(root.items("headers")):
        name = scope.header_names.declare(at, i)
        header_type = scope.header_types[scope.header_type_names.find(at.get("header_type"))]
        metadata = at.opt_flag("metadata", False)
        if not metadata and header_type.fixed_bits % 8:
            raise at.error(
                f"header type '{header_type.name}' has {header_type.fixed_bits} bits: not whole bytes"
            )
        identifier = at.get("id").number(0, 2**31 - 1)
        scope.headers.append(Header(name, header_type, metadata, unions.get(identifier)))
    _stacks(root, scope)
    _unions(root, scope)
    _aliases(root, scope)


def _header_type(at: Cursor) -> HeaderType:
    if at.opt("length_exp") is not None:
        raise at.get("length_exp").error("lengths in the header type are P4_14; use a two-argument extract")
    max_bytes = at.opt("max_length")
    fields: list[Field] = []
    names: set[str] = set()
    for item in at.items("fields"):
        parts = item.items()
        if not 2 <= len(parts) <= 4:
            raise item.error("expected [name, width], or [name, width, signed, saturating]")
        name = parts[0].text()
        if name in names:
            raise parts[0].error(f"a second field '{name}'")
        names.add(name)
        signed = len(parts) > 2 and parts[2].flag()
        saturating = len(parts) > 3 and parts[3].flag()
        varbit = parts[1].value == "*"
        width = 0 if varbit else parts[1].number(2 if signed else 1, MAX_BITS)
        fields.append(Field(name, width, signed, saturating, varbit))
    varbits = [i for i, f in enumerate(fields) if f.varbit]
    if len(varbits) > 1:
        raise at.error("a header type has at most one varbit field")
    fixed = sum(f.width for f in fields)
    if varbits:
        limit = MAX_BITS // 8 if max_bytes is None else max_bytes.number(0, MAX_BITS // 8)
        f = fields[varbits[0]]
        width = max(0, limit * 8 - fixed)
        fields[varbits[0]] = Field(f.name, width, f.signed, f.saturating, varbit=True)
    if fixed > MAX_BITS * 8:
        raise at.error(f"{fixed} bits are too many")
    return HeaderType(at.name(), tuple(fields))


def _union_members(root: Cursor, scope: Scope) -> dict[int, tuple[int, int]]:
    """(union, position in it) of header ids that are members of unions."""
    members: dict[int, tuple[int, int]] = {}
    for i, at in enumerate(root.items("header_unions")):
        scope.union_names.declare(at, i)
        for j, identifier in enumerate(at.items("header_ids")):
            number = identifier.number(0, 2**31 - 1)
            if number in members:
                raise identifier.error(f"header {number} is in two unions")
            members[number] = (i, j)
    return members


def _stacks(root: Cursor, scope: Scope) -> None:
    for i, at in enumerate(root.items("header_stacks")):
        name = scope.stack_names.declare(at, i)
        header_type = scope.header_types[scope.header_type_names.find(at.get("header_type"))]
        headers = tuple(scope.header_names.find_id(item) for item in at.items("header_ids"))
        if not headers:
            raise at.error("a header stack has at least one element")
        for position in headers:
            if scope.headers[position].type is not header_type:
                raise at.error(f"'{scope.headers[position].name}' is not a '{header_type.name}'")
        scope.stacks.append(Stack(name, header_type, headers))


def _unions(root: Cursor, scope: Scope) -> None:
    types: dict[str, tuple[tuple[str, HeaderType], ...]] = {}
    for at in root.items("header_union_types"):
        members = []
        for item in at.items("headers"):
            name_at, type_at = item.tuple(2)
            members.append((name_at.text(), scope.header_types[scope.header_type_names.find(type_at)]))
        types[at.name()] = tuple(members)
    union_types: list[tuple[tuple[str, HeaderType], ...]] = []
    for at in root.items("header_unions"):
        union_type = types.get(at.get("union_type").text())
        if union_type is None:
            raise at.get("union_type").error("there is no such header union type")
        headers = tuple(scope.header_names.find_id(item) for item in at.items("header_ids"))
        if [scope.headers[h].type for h in headers] != [t for _, t in union_type] or not headers:
            raise at.error("the headers do not fit the header union type")
        scope.unions.append(Union(at.name(), headers))
        union_types.append(union_type)
    for i, at in enumerate(root.items("header_union_stacks")):
        name = scope.union_stack_names.declare(at, i)
        unions = tuple(scope.union_names.find_id(item) for item in at.items("header_union_ids"))
        if not unions or any(union_types[u] is not union_types[unions[0]] for u in unions):
            raise at.error("a union stack has at least one element, all of one union type")
        scope.union_stacks.append(UnionStack(name, unions))
        scope.union_members.append(union_types[unions[0]])


def _aliases(root: Cursor, scope: Scope) -> None:
    for at in root.items("field_aliases"):
        name, target = at.tuple(2)
        scope.aliases[name.text()] = scope.field_ref(target)
