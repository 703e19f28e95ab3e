"""Counters, meters, registers, calculations, checksums, learn lists and field lists."""

from __future__ import annotations

from typing import Final, Literal

from testbed.p4.switch.loader.cursor import MAX_BITS, Cursor
from testbed.p4.switch.loader.expressions import ExpressionLoader
from testbed.p4.switch.loader.scope import Names, Scope
from testbed.p4.switch.model import (
    Calculation,
    Checksum,
    ConstBits,
    Counter,
    FieldList,
    FieldRef,
    HeaderRef,
    LearnList,
    Meter,
    Register,
)

MAX_CELLS: Final = 1 << 24
"""Most cells of one array, most entries of one table."""

ALGORITHMS: Final = frozenset(
    [
        "crc16",
        "crc32",
        "crcCCITT",
        "crc8_custom",
        "crc16_custom",
        "crc32_custom",
        "crc64_custom",
        "csum16",
        "cksum16",
        "xor16",
        "xor32",
        "identity",
        "random",
    ]
)
"""Hash algorithms by the names that bmv2 gives them."""


def load_arrays(root: Cursor, scope: Scope) -> None:
    """Fill `scope` with counters, meters and registers; `load_tables` binds the direct ones."""
    for i, at in enumerate(root.items("counter_arrays")):
        name = scope.counter_names.declare(at, i)
        direct = _direct(at)
        if direct:
            scope.direct_counters[at.get("binding").text()] = i
        scope.counters.append(Counter(name, 0 if direct else at.get("size").number(0, MAX_CELLS)))
    for i, at in enumerate(root.items("meter_arrays")):
        name = scope.meter_names.declare(at, i)
        target = scope.plain_field(at.get("result_target"), "a meter's result") if _direct(at) else None
        rates = at.get("rate_count").number(1, 2)
        size = at.get("size").number(0, MAX_CELLS)
        scope.meters.append(Meter(name, _unit(at.get("type")), rates, size, None, target))
    for i, at in enumerate(root.items("register_arrays")):
        name = scope.register_names.declare(at, i)
        width = at.get("bitwidth").number(1, MAX_BITS)
        scope.registers.append(Register(name, width, at.get("size").number(0, MAX_CELLS)))


def _direct(at: Cursor) -> bool:
    return at.opt_flag("is_direct", False)


def _unit(at: Cursor) -> Literal["bytes", "packets"]:
    match at.text():
        case "bytes":
            return "bytes"
        case "packets":
            return "packets"
        case other:
            raise at.error(f"a meter counts bytes or packets, not '{other}'")


def algorithm(at: Cursor) -> str:
    """A hash algorithm that engines have."""
    name = at.text()
    if name not in ALGORITHMS:
        raise at.error(f"there is no hash algorithm '{name}'; there are: {', '.join(sorted(ALGORITHMS))}")
    return name


def load_calculations(root: Cursor, scope: Scope) -> None:
    """Fill `scope.calculations`."""
    for i, at in enumerate(root.items("calculations")):
        name = scope.calculation_names.declare(at, i)
        inputs: list[FieldRef | HeaderRef | ConstBits] = []
        payload = False
        bits = 0
        for item in at.items("input"):
            kind = item.get("type").text()
            if kind == "payload":
                payload = True
                continue
            if kind == "header" and bits % 8:
                raise item.error("a header starts at a byte")
            part, width = _calculation_input(item, kind, scope)
            inputs.append(part)
            bits += width
        scope.calculations.append(Calculation(name, algorithm(at.get("algo")), tuple(inputs), payload))


def _calculation_input(at: Cursor, kind: str, scope: Scope) -> tuple[FieldRef | HeaderRef | ConstBits, int]:
    if kind == "field":
        ref = scope.field_ref(at.get("value"))
        return ref, scope.width(ref)
    if kind == "hexstr":
        width = at.get("bitwidth").number(1, MAX_BITS)
        return ConstBits(at.get("value").hexstr() & ((1 << width) - 1), width), width
    if kind == "header":
        header = scope.header(at.get("value"))
        if scope.headers[header.header].metadata:
            raise at.get("value").error("metadata is no header")
        return header, 0
    raise at.get("type").error(f"a calculation cannot take a '{kind}'")


def load_checksums(root: Cursor, scope: Scope) -> tuple[Checksum, ...]:
    """The checksums, in the order in which they are verified and updated."""
    expressions = ExpressionLoader(scope)
    checksums = []
    for at in root.items("checksums"):
        if at.get("type").text() != "generic":
            raise at.get("type").error("only checksums of type 'generic' are known")
        cond = at.opt("if_cond")
        checksums.append(
            Checksum(
                at.name(),
                scope.plain_field(at.get("target"), "a checksum"),
                scope.calculation_names.find(at.get("calculation")),
                at.opt_flag("verify", True),
                at.opt_flag("update", True),
                None if cond is None else expressions.load(cond, "bool"),
            )
        )
    return tuple(checksums)


def load_learn_lists(root: Cursor, scope: Scope) -> tuple[LearnList, ...]:
    """The digests."""
    names = Names("learn list")
    lists = []
    for i, at in enumerate(root.items("learn_lists")):
        name = names.declare(at, i)
        lists.append(
            LearnList(name, at.get("id").number(1, 2**16 - 1), _fields(at, scope, "part of a digest"))
        )
    return tuple(lists)


def load_field_lists(root: Cursor, scope: Scope) -> tuple[FieldList, ...]:
    """What clones, resubmitted and recirculated packets preserve."""
    names = Names("field list")
    lists = []
    for i, at in enumerate(root.items("field_lists")):
        names.declare_id(at, i)
        lists.append(FieldList(at.get("id").number(0, 2**16 - 1), _fields(at, scope, "in a field list")))
    return tuple(lists)


def _fields(at: Cursor, scope: Scope, why: str) -> tuple[FieldRef, ...]:
    fields = []
    for item in at.items("elements"):
        if item.get("type").text() != "field":
            raise item.get("type").error("only fields can be " + why)
        fields.append(scope.plain_field(item.get("value"), why))
    return tuple(fields)
