"""The P4Info message of an elaborated program."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from testbed.p4.compiler import ast, ir
from testbed.p4.compiler import types as t
from testbed.p4.compiler.p4info import symbols as sym
from testbed.p4.compiler.p4info.annotations import annotate
from testbed.p4.compiler.p4info.stubs import p4i
from testbed.p4.compiler.p4info.symbols import Symbols, field_ids
from testbed.p4.compiler.p4info.types import TypeInfo, external, flat_fields, type_name, width
from testbed.p4.compiler.passes.narrow import known
from testbed.p4.compiler.passes.unit import RefusedError

if TYPE_CHECKING:
    from testbed.p4.compiler.passes.unit import Unit

MATCH_TYPES = {
    "exact": p4i.MatchField.EXACT,
    "lpm": p4i.MatchField.LPM,
    "ternary": p4i.MatchField.TERNARY,
    "range": p4i.MatchField.RANGE,
    "optional": p4i.MatchField.OPTIONAL,
}
UNITS = {
    "bytes": p4i.CounterSpec.BYTES,
    "packets": p4i.CounterSpec.PACKETS,
    "packets_and_bytes": p4i.CounterSpec.BOTH,
}
METER_UNITS = {"bytes": p4i.MeterSpec.BYTES, "packets": p4i.MeterSpec.PACKETS}
PACKAGE_ANNOTATIONS = ("pkginfo", "platform_property")
PACKAGE_KEYS = ("name", "version", "organization", "contact", "url", "arch")


def build(unit: Unit, tree: ast.Program) -> p4i.P4Info:
    """The P4Info of a program.

    Raises:
        RefusedError: if ids in annotations are wrong.
    """
    return _Builder(unit, tree).build()


class _Builder:
    def __init__(self, unit: Unit, tree: ast.Program) -> None:
        self.program = unit.program
        self.symbols = Symbols()
        self.types = TypeInfo([name for name, _ in unit.program.errors])
        self.info = p4i.P4Info()
        self.externs = sorted((e for e in unit.program.externs if not _of_hidden_table(e)), key=_place)
        self.controller_headers = [
            d
            for d in tree.declarations
            if isinstance(d, ast.HeaderDecl) and d.annotation("controller_header")
        ]

    def build(self) -> p4i.P4Info:
        """All sections."""
        self._collect()
        self.symbols.assign()
        self._package()
        for table in sorted(self.program.tables, key=lambda t: t.order):
            if not _hidden(table.decl):
                self._table(table)
        for action in _unique_actions(self.program):
            if not _hidden(action.decl):
                self._action(action)
        for extern in self.externs:
            self._extern(extern)
        for header in self.controller_headers:
            if not _hidden(header):
                self._controller_header(header)
        for value_set in self.program.value_sets:
            self._value_set(value_set)
        for digest in self.program.digests:
            message = self.info.digests.add()
            self._preamble(message, sym.DIGEST, digest.name, [])
            message.type_spec.CopyFrom(self.types.describe(digest.type))
        if self._has_types():
            self.info.type_info.CopyFrom(self.types.message)
            self.info.type_info.SetInParent()
        return self.info

    def _has_types(self) -> bool:
        """Whether p4c writes `type_info`, empty or not: it does wherever it had to look for named types."""
        return bool(
            self.program.tables
            or self.program.externs
            or self.program.calls_functions
            or any(a.params for a in self.info.actions)
            or any(h.metadata for h in self.info.controller_packet_metadata)
        )

    # --- names -------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        add = self.symbols.add
        for action in _unique_actions(self.program):
            add(sym.ACTION, action.name, action.decl)
        for table in self.program.tables:
            add(sym.TABLE, table.name, table.decl)
        for extern in self.externs:
            add(_kind(extern), extern.name, extern.owner)
        for value_set in self.program.value_sets:
            add(sym.VALUE_SET, value_set.name, value_set.decl)
        for digest in self.program.digests:
            add(sym.DIGEST, digest.name)
        for header in self.controller_headers:
            add(sym.CONTROLLER_HEADER, external(header), header)

    def _preamble(self, message: Any, kind: int, name: str, annotations: Sequence[ast.Annotation]) -> None:
        message.preamble.id = self.symbols.id(kind, name)
        message.preamble.name = name
        message.preamble.alias = self.symbols.alias(name)
        annotate(message.preamble, annotations)

    # --- package -----------------------------------------------------------------------------------------

    def _package(self) -> None:
        package = self.info.pkg_info
        package.arch = "v1model"
        main = self.program.main
        for annotation in main.annotations if main is not None else []:
            if annotation.name == "pkginfo":
                _set_fields(package, PACKAGE_KEYS, annotation)
            elif annotation.name == "platform_property":
                properties = package.platform_properties
                _set_fields(properties, properties.DESCRIPTOR.fields_by_name, annotation)
        own = main.annotations if main is not None else []
        annotate(package, [a for a in own if a.entries is not None or a.name not in PACKAGE_ANNOTATIONS])

    # --- tables and actions ------------------------------------------------------------------------------

    def _table(self, table: ir.Table) -> None:
        decl = known(table.decl)
        message = self.info.tables.add()
        self._preamble(message, sym.TABLE, table.name, decl.annotations)
        message.size = table.size
        keys = [k for k in table.keys if k.match_kind != "selector"]
        ids = dict(zip(table.keys, field_ids(k.annotations for k in table.keys), strict=True))
        for key in keys:
            field = message.match_fields.add(id=ids[key], name=key.name, bitwidth=width(key.p4_type))
            field.match_type = MATCH_TYPES[key.match_kind]
            annotate(field, key.annotations)
            self._type_name(field, key.p4_type)
        for use in table.uses:
            ref = message.action_refs.add(id=self.symbols.id(sym.ACTION, use.action.name))
            ref.scope = p4i.ActionRef.DEFAULT_ONLY if use.default_only else ref.scope
            ref.scope = p4i.ActionRef.TABLE_ONLY if use.table_only else ref.scope
            annotate(ref, use.annotations, documented=False)
        self._default(message, table)
        if decl.const_entries and table.entries is not None:
            message.is_const_table = True
        if table.entries:
            message.has_initial_entries = True
        if table.timeout:
            message.idle_timeout_behavior = p4i.Table.NOTIFY_CONTROL
        self._resources(message, table)

    def _default(self, message: p4i.Table, table: ir.Table) -> None:
        action = table.uses[table.default].action
        number = self.symbols.id(sym.ACTION, action.name)
        if table.const_default:
            message.const_default_action_id = number
        message.initial_default_action.action_id = number
        ids = field_ids(p.decl.annotations for p in action.params)
        for param, param_id, argument in zip(action.params, ids, table.default_args, strict=True):
            size = (ir.width_of(param.type) + 7) // 8
            message.initial_default_action.arguments.add(
                param_id=param_id, value=argument.to_bytes(size, "big")
            )

    def _resources(self, message: p4i.Table, table: ir.Table) -> None:
        if table.profile is not None:
            message.implementation_id = self.symbols.id(sym.ACTION_PROFILE, table.profile.name)
        if table.counter is not None:
            message.direct_resource_ids.append(self.symbols.id(sym.DIRECT_COUNTER, table.counter.name))
        if table.meter is not None:
            message.direct_resource_ids.append(self.symbols.id(sym.DIRECT_METER, table.meter.name))

    def _action(self, action: ir.Action) -> None:
        message = self.info.actions.add()
        self._preamble(message, sym.ACTION, action.name, known(action.decl).annotations)
        ids = field_ids(p.decl.annotations for p in action.params)
        for param, number in zip(action.params, ids, strict=True):
            made = message.params.add(id=number, name=param.name)
            if not isinstance(param.p4_type, t.EnumType):
                made.bitwidth = width(param.p4_type)
            annotate(made, param.decl.annotations)
            self._type_name(made, param.p4_type)
            if isinstance(param.p4_type, t.EnumType):
                made.type_name.name = external(param.p4_type.decl)

    def _type_name(self, message: Any, type_: t.Type) -> None:
        if type_ != t.BOOL and not isinstance(type_, t.BitsType):
            self.types.describe(type_)
        if type_name(type_):
            message.type_name.name = type_name(type_)

    # --- extern objects ----------------------------------------------------------------------------------

    def _extern(self, extern: ir.ExternObject) -> None:
        annotations = extern.owner.annotations
        match extern:
            case ir.CounterArray(direct=False):
                counter = self.info.counters.add(size=extern.size)
                counter.spec.unit = UNITS[extern.unit]
                self._preamble(counter, sym.COUNTER, extern.name, annotations)
            case ir.CounterArray(table=ir.Table() as table):
                direct = self.info.direct_counters.add(direct_table_id=self.symbols.id(sym.TABLE, table.name))
                direct.spec.unit = UNITS[extern.unit]
                self._preamble(direct, sym.DIRECT_COUNTER, extern.name, annotations)
            case ir.MeterArray(direct=False):
                meter = self.info.meters.add(size=extern.size)
                meter.spec.unit = METER_UNITS[extern.unit]
                self._preamble(meter, sym.METER, extern.name, annotations)
            case ir.MeterArray(table=ir.Table() as table):
                bound = self.info.direct_meters.add(direct_table_id=self.symbols.id(sym.TABLE, table.name))
                bound.spec.unit = METER_UNITS[extern.unit]
                self._preamble(bound, sym.DIRECT_METER, extern.name, annotations)
            case ir.RegisterArray():
                register = self.info.registers.add(size=extern.size)
                register.type_spec.CopyFrom(self.types.describe(extern.p4_type))
                self._preamble(register, sym.REGISTER, extern.name, annotations)
            case ir.ActionProfile():
                self._profile(extern)

    def _profile(self, profile: ir.ActionProfile) -> None:
        special = {a.name: a.args[0] for a in profile.owner.annotations if a.name in PROFILE_KEYS and a.args}
        message = self.info.action_profiles.add(
            with_selector=profile.algorithm is not None, size=profile.size
        )
        others = [a for a in profile.owner.annotations if a.name not in PROFILE_KEYS]
        self._preamble(message, sym.ACTION_PROFILE, profile.name, others)
        message.table_ids.extend(
            self.symbols.id(sym.TABLE, n) for n in sorted(table.name for table in profile.tables)
        )
        if profile.algorithm is None:
            return
        if "max_group_size" in special:
            message.max_group_size = int(special["max_group_size"])
        semantics = str(special.get("selector_size_semantics", "")).lower()
        if semantics == "sum_of_weights":
            message.sum_of_weights.SetInParent()
        elif semantics and semantics != "sum_of_members":
            text = '@selector_size_semantics takes "sum_of_weights" or "sum_of_members"'
            raise RefusedError(profile.owner.span, text)
        elif semantics:
            message.sum_of_members.SetInParent()
            if "max_member_weight" in special:
                message.sum_of_members.max_member_weight = int(special["max_member_weight"])

    # --- headers and value sets --------------------------------------------------------------------------

    def _controller_header(self, decl: ast.HeaderDecl) -> None:
        name = str(known(decl.annotation("controller_header")).args[0])
        message = self.info.controller_packet_metadata.add()
        message.preamble.id = self.symbols.id(sym.CONTROLLER_HEADER, external(decl))
        message.preamble.name = message.preamble.alias = name
        annotate(message.preamble, decl.annotations)
        fields = [part for f in decl.fields for part in flat_fields(f)]
        for part, number in zip(fields, field_ids(p.annotations for p in fields), strict=True):
            if any(a.name == "hidden" for a in part.annotations):
                continue
            made = message.metadata.add(id=number, name=part.name, bitwidth=width(part.type))
            annotate(made, part.annotations, documented=False)
            self._type_name(made, part.type)

    def _value_set(self, value_set: ir.ValueSet) -> None:
        message = self.info.value_sets.add(size=value_set.size)
        self._preamble(message, sym.VALUE_SET, value_set.name, value_set.decl.annotations)
        type_ = value_set.type
        if isinstance(type_, t.TupleType):  # which p4c refuses here; nothing in P4Runtime is against it
            for number, element in enumerate(type_.elements, 1):
                message.match.add(
                    id=number, name=f"f{number - 1}", bitwidth=width(element), match_type=p4i.MatchField.EXACT
                )
            return
        if not isinstance(type_, t.StructType):
            message.match.add(id=1, bitwidth=value_set.width, match_type=p4i.MatchField.EXACT)
            return
        owners = [f.decl.annotations if f.decl is not None else [] for f in type_.fields]
        for field, own, number in zip(type_.fields, owners, field_ids(owners), strict=True):
            kind = next((a.tokens[0] for a in own if a.name == "match" and a.tokens), "exact")
            name = external(field.decl) if field.decl is not None else field.name
            made = message.match.add(id=number, name=name, bitwidth=width(field.type))
            made.match_type = MATCH_TYPES.get(kind, p4i.MatchField.EXACT)
            annotate(made, [a for a in own if a.name != "match"])


def _set_fields(message: Any, names: Collection[str], annotation: ast.Annotation) -> None:
    """Set the fields of those names from the pairs of an annotation."""
    for key, value in _key_values(annotation).items():
        if key in names:
            try:
                setattr(message, key, value)
            except (TypeError, ValueError):
                text = f"@{annotation.name}: {value!r} is not a value of {key}"
                raise RefusedError(annotation.span, text) from None


def _key_values(annotation: ast.Annotation) -> dict[str, Any]:
    """The pairs of an annotation `[key = value, ...]` or, as some are written, `(key = value, ...)`."""
    if annotation.entries is not None:
        return {str(e.key): e.value.value for e in annotation.entries}
    result: dict[str, Any] = {}
    for key, equals, text in zip(
        annotation.tokens, annotation.tokens[1:], annotation.tokens[2:], strict=False
    ):
        if equals == "=":
            result[key] = _constant(text, annotation)
    return result


def _constant(text: str, annotation: ast.Annotation) -> str | int:
    """A string literal or a number of an annotation."""
    if text.startswith('"'):
        return text[1:-1]
    try:
        return int(text, 0)
    except ValueError:
        raise RefusedError(
            annotation.span, f"@{annotation.name}: expected a string or a number, not {text}"
        ) from None


PROFILE_KEYS = frozenset({"max_group_size", "selector_size_semantics", "max_member_weight"})


def _hidden(decl: ast.Declaration | None) -> bool:
    return decl is None or decl.annotation("hidden") is not None


def _place(extern: ir.ExternObject) -> int:
    """The order in P4Info: direct counters and meters stand as their tables do, wherever declared."""
    table = extern.table if isinstance(extern, ir.CounterArray | ir.MeterArray) else None
    return extern.order if table is None else table.order


def _of_hidden_table(extern: ir.ExternObject) -> bool:
    """Whether it is the direct counter or meter of a table that the control plane does not see."""
    table = extern.table if isinstance(extern, ir.CounterArray | ir.MeterArray) else None
    return table is not None and _hidden(table.decl)


def _unique_actions(program: ir.Program) -> list[ir.Action]:
    """The actions of tables and those called by controls, each once, as they are declared.

    Global ones stand at the head of the block that uses them first, in the order of use, tables before calls.
    """
    uses: list[tuple[int, float, ir.Action]] = []  # with the start of the block, and the place in it
    for table in sorted(program.tables, key=lambda t: t.order):
        start = max(s for s in program.starts.values() if s < table.order)
        uses += [(start, table.order, use.action) for use in table.uses]
    uses += [(program.starts[block], math.inf, action) for block, action in program.called]
    found: dict[str, tuple[tuple[float, ...], ir.Action]] = {}
    for start, use, action in uses:
        _, first = found.setdefault(action.name, ((action.order,) if action.order else (start, use), action))
        if first.decl is not action.decl:
            raise RefusedError(action.span, f"two actions have the control plane name {action.name}")
    return [action for _, action in sorted(found.values(), key=lambda f: f[0])]


def _kind(extern: ir.ExternObject) -> int:
    match extern:
        case ir.CounterArray(direct=direct):
            return sym.DIRECT_COUNTER if direct else sym.COUNTER
        case ir.MeterArray(direct=direct):
            return sym.DIRECT_METER if direct else sym.METER
        case ir.RegisterArray():
            return sym.REGISTER
    return sym.ACTION_PROFILE
