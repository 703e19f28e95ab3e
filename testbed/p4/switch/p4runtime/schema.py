"""P4Info bound to a program: every id a controller may use, and the position of what it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from testbed.p4.switch.model import Program, Table
from testbed.p4.switch.p4runtime.bytestrings import Translation
from testbed.p4.switch.p4runtime.codecs import CODECS, ActionCodec, MatchCodec, MatchValue
from testbed.p4.switch.p4runtime.errors import invalid

if TYPE_CHECKING:
    from testbed.p4.switch.p4runtime.stubs import p4i, p4r


class TableSchema:
    """One table: how its entries are keyed, and what they may do."""

    def __init__(self, info: p4i.Table, position: int, model: Table, codecs: list[MatchCodec]) -> None:
        self.id: int = info.preamble.id
        self.name: str = info.preamble.name
        self.position = position
        self.model = model
        self.codecs = codecs
        self.by_id = {codec.id: codec for codec in codecs}
        self.template = [codec.dont_care for codec in codecs]
        self.exact = all(codec.kind == "exact" for codec in codecs)
        self.needs_priority = any(codec.kind in ("ternary", "range", "optional") for codec in codecs)
        self.actions: dict[int, ActionCodec] = {}
        self.profile: ProfileSchema | None = None
        self.const_default = bool(info.const_default_action_id) or model.default_const
        self.const_entries = info.is_const_table or (model.immutable and not info.has_initial_entries)
        self.size = max(model.max_size, info.size) if info.has_initial_entries else model.max_size
        """Entries it takes. p4c's JSON counts only those of the program, where there are some."""
        self.ageing = model.ageing
        """Whether its entries may have idle timeouts."""

    def parse_key(self, match: Iterable[p4r.FieldMatch]) -> tuple[bytes, bytes, int]:
        """`TableOp.key`, `.mask` and `.prefix_len`; the messages become canonical.

        Raises:
            RpcError: a field is unknown, missing, there twice or malformed.
        """
        values: list[MatchValue | None] = self.template.copy()
        by_id = self.by_id
        for item in match:
            codec = by_id.get(item.field_id)
            if codec is None:
                invalid(f"table {self.name} has no match field {item.field_id}")
            position = codec.position
            if values[position] is not self.template[position]:
                invalid(f"match field {codec.name} is there twice")
            values[position] = codec.parse(item)
        key, mask, prefix_len = b"", b"", 0
        for value in values:
            if value is None:
                invalid(f"match field {self.codecs[values.index(None)].name} is missing")
            key += value[0]
            mask += value[1]
            prefix_len += value[2]
        return key, b"" if self.exact else mask, prefix_len

    def unparse_key(self, key: bytes, mask: bytes, prefix_len: int, entry: p4r.TableEntry) -> None:
        """Fill in the match fields of a message."""
        offset = 0
        for codec in self.codecs:
            end = offset + codec.size
            field_mask = mask[offset:end] if mask else codec.ones
            match = entry.match.add(field_id=codec.id)
            if not codec.unparse(key[offset:end], field_mask, prefix_len, match):
                del entry.match[-1]
            offset = end

    def action(self, action_id: int) -> ActionCodec:
        """The action that an id names, if the table has it."""
        codec = self.actions.get(action_id)
        if codec is None:
            invalid(f"table {self.name} has no action {action_id}")
        return codec

    def action_at(self, position: int) -> ActionCodec | None:
        """The action at a position of `Program.actions`."""
        return next((codec for codec in self.actions.values() if codec.position == position), None)


class ProfileSchema:
    """One action profile."""

    def __init__(self, info: p4i.ActionProfile, position: int) -> None:
        self.id: int = info.preamble.id
        self.name: str = info.preamble.name
        self.position = position
        self.with_selector: bool = info.with_selector
        self.size: int = info.size
        self.max_group_size: int = info.max_group_size
        self.sum_of_members: bool = info.HasField("sum_of_members")
        self.max_member_weight: int = info.sum_of_members.max_member_weight
        self.weights_disallowed: bool = info.weights_disallowed
        self.actions: dict[int, ActionCodec] = {}


@dataclass(frozen=True, slots=True)
class ArraySchema:
    """A counter, meter or register: an id, a name, a position and a number of cells.

    `unit_type`: of a meter its `MeterSpec.Type`. `width`: of a register its bits, negative for signed ones.
    """

    id: int
    name: str
    position: int
    size: int
    unit_type: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class ValueSetSchema:
    """A parser value set."""

    id: int
    name: str
    position: int
    size: int
    codecs: tuple[MatchCodec, ...]


@dataclass(frozen=True, slots=True)
class DigestSchema:
    """A digest: the widths of its fields, and whether they come as a struct (else a tuple, or one bit
    string)."""

    id: int
    name: str
    position: int
    widths: tuple[int, ...]
    shape: str


class PacketHeader:
    """A controller header: (metadata id, translation) in order."""

    def __init__(self, fields: tuple[tuple[int, Translation], ...]) -> None:
        self.fields = fields
        self.bits = sum(translation.width for _, translation in fields)
        """Bits of its fields."""
        self.nbytes = (self.bits + 7) // 8
        """Bytes it has on the wire: the last one is filled up with zeros, should the fields not do it."""


class _Preamble(Protocol):
    @property
    def preamble(self) -> p4i.Preamble: ...


class Schema:
    """All of it. See `bind`."""

    def __init__(self, info: p4i.P4Info, program: Program) -> None:
        self.info = info
        self.program = program
        self.tables: dict[int, TableSchema] = {}
        self.profiles: dict[int, ProfileSchema] = {}
        self.counters: dict[int, ArraySchema] = {}
        self.meters: dict[int, ArraySchema] = {}
        self.registers: dict[int, ArraySchema] = {}
        self.value_sets: dict[int, ValueSetSchema] = {}
        self.digests: dict[int, DigestSchema] = {}
        self.packet_in: PacketHeader | None = None
        self.packet_out: PacketHeader | None = None
        self.table_at: dict[int, TableSchema] = {}
        self.digest_at: dict[int, DigestSchema] = {}

    def table(self, table_id: int) -> TableSchema:
        """The table that an id names."""
        table = self.tables.get(table_id)
        if table is None:
            invalid(f"no table has id {table_id}")
        return table


def bind(info: p4i.P4Info, program: Program) -> Schema:
    """Match P4Info and program by name.

    Raises:
        RpcError: INVALID_ARGUMENT: they are not of the same P4 program.
    """
    return _Binder(info, program).bind()


class _Binder:
    def __init__(self, info: p4i.P4Info, program: Program) -> None:
        self._info = info
        self._program = program
        self._schema = Schema(info, program)
        self._actions = {action.preamble.id: action for action in info.actions}

    def bind(self) -> Schema:
        self._profiles()
        self._tables()
        self._arrays()
        self._value_sets()
        self._digests()
        self._packet_headers()
        return self._schema

    def _position(self, what: str, item: _Preamble, names: Mapping[str, int]) -> int:
        position = names.get(item.preamble.name)
        if position is None:
            invalid(f"P4Info and device config differ: the device has no {what} '{item.preamble.name}'")
        return position

    def _translation(self, name: str, bitwidth: int, type_name: str, device_width: int) -> Translation:
        """How a value travels; `device_width` 0: as P4Info says."""
        new_types = self._info.type_info.new_types
        if type_name and type_name in new_types:
            translated = new_types[type_name].translated_type
            text = translated.WhichOneof("sdn_type") == "sdn_string"
            return Translation(device_width or translated.sdn_bitwidth or 32, name, text=text)
        if device_width and bitwidth and bitwidth != device_width:
            invalid(f"P4Info and device config differ: {name} has {bitwidth} and {device_width} bits")
        return Translation(device_width or bitwidth, name)

    # -- tables and actions ----------------------------------------------------------------------------------

    def _profiles(self) -> None:
        names = {profile.name: i for i, profile in enumerate(self._program.profiles)}
        for info in self._info.action_profiles:
            position = self._position("action profile", info, names)
            self._schema.profiles[info.preamble.id] = ProfileSchema(info, position)

    def _tables(self) -> None:
        names = {table.name: i for i, table in enumerate(self._program.tables)}
        for info in self._info.tables:
            position = self._position("table", info, names)
            model = self._program.tables[position]
            if len(info.match_fields) != len(model.key):
                invalid(f"P4Info and device config differ: the key of table '{model.name}'")
            codecs = []
            for i, (field, key) in enumerate(zip(info.match_fields, model.key, strict=True)):
                name = f"{model.name}.{field.name}"
                translation = self._translation(name, field.bitwidth, field.type_name.name, key.width)
                codecs.append(self._codec(field, i, translation))
            table = TableSchema(info, position, model, codecs)
            for ref in info.action_refs:
                table.actions[ref.id] = self._action(ref, model)
            if info.implementation_id:
                table.profile = self._schema.profiles.get(info.implementation_id)
                if table.profile is None or model.profile != table.profile.position:
                    invalid(f"P4Info and device config differ: the implementation of table '{model.name}'")
                for action_id, codec in table.actions.items():
                    table.profile.actions.setdefault(action_id, codec)
            self._schema.tables[table.id] = table
            self._schema.table_at[position] = table

    def _codec(self, field: p4i.MatchField, position: int, translation: Translation) -> MatchCodec:
        codec = CODECS.get(field.match_type)
        if codec is None:
            invalid(f"match field {field.name} is of a kind this switch does not have")
        return codec(field, position, translation)

    def _action(self, ref: p4i.ActionRef, table: Table) -> ActionCodec:
        info = self._actions.get(ref.id)
        if info is None:
            invalid(f"P4Info: no action has id {ref.id}")
        name = info.preamble.name
        for position in table.actions:
            action = self._program.actions[position]
            if action.name == name:
                break
        else:
            invalid(f"P4Info and device config differ: table '{table.name}' has no action '{name}'")
        if len(info.params) != len(action.params):
            invalid(f"P4Info and device config differ: the parameters of action '{name}'")
        params = [
            (p.id, self._translation(f"{name}.{p.name}", p.bitwidth, p.type_name.name, device.width))
            for p, device in zip(info.params, action.params, strict=True)
        ]
        return ActionCodec(ref.id, name, position, ref.scope, params)

    # -- the rest --------------------------------------------------------------------------------------------

    def _arrays(self) -> None:
        schema, program = self._schema, self._program
        names = {counter.name: i for i, counter in enumerate(program.counters)}
        for counter in self._info.counters:
            position = self._position("counter", counter, names)
            size = program.counters[position].size
            schema.counters[counter.preamble.id] = ArraySchema(
                counter.preamble.id, counter.preamble.name, position, size
            )
        names = {meter.name: i for i, meter in enumerate(program.meters)}
        for meter in self._info.meters:
            position = self._position("meter", meter, names)
            schema.meters[meter.preamble.id] = ArraySchema(
                meter.preamble.id,
                meter.preamble.name,
                position,
                program.meters[position].size,
                meter.spec.type,
            )
        names = {register.name: i for i, register in enumerate(program.registers)}
        for register in self._info.registers:
            position = self._position("register", register, names)
            width = program.registers[position].width
            signed = register.type_spec.bitstring.HasField("int")
            schema.registers[register.preamble.id] = ArraySchema(
                register.preamble.id,
                register.preamble.name,
                position,
                program.registers[position].size,
                width=-width if signed else width,
            )

    def _value_sets(self) -> None:
        names = {value_set.name: i for i, value_set in enumerate(self._program.value_sets)}
        for info in self._info.value_sets:
            position = self._position("value set", info, names)
            codecs = tuple(
                self._codec(
                    f, i, self._translation(f"{info.preamble.name}.{f.name}", f.bitwidth, f.type_name.name, 0)
                )
                for i, f in enumerate(info.match)
            )
            parts = self._program.value_sets[position].parts
            if parts and parts != tuple(codec.width for codec in codecs):
                invalid(f"P4Info and device config differ: the fields of value set '{info.preamble.name}'")
            self._schema.value_sets[info.preamble.id] = ValueSetSchema(
                info.preamble.id, info.preamble.name, position, info.size, codecs
            )

    def _digests(self) -> None:
        names = {digest.name: i for i, digest in enumerate(self._program.learn_lists)}
        for info in self._info.digests:
            position = self._position("digest", info, names)
            fields = self._program.learn_lists[position].fields
            widths = tuple(self._program.field(ref).width for ref in fields)
            shape = info.type_spec.WhichOneof("type_spec") or "struct"
            digest = DigestSchema(info.preamble.id, info.preamble.name, position, widths, shape)
            self._schema.digests[info.preamble.id] = digest
            self._schema.digest_at[position] = digest

    def _packet_headers(self) -> None:
        for info in self._info.controller_packet_metadata:
            fields = tuple(
                (m.id, self._translation(m.name, m.bitwidth, m.type_name.name, self._sdn_width(info, m)))
                for m in info.metadata
            )
            header = PacketHeader(fields)
            # Of what controllers know by name P4Info does not tell the width.
            if header.bits % 8 and all(m.bitwidth for m in info.metadata):
                invalid(f"P4Info: controller header '{info.preamble.name}' does not fill whole bytes")
            if info.preamble.name == "packet_in":
                self._schema.packet_in = header
            elif info.preamble.name == "packet_out":
                self._schema.packet_out = header

    def _sdn_width(
        self, info: p4i.ControllerPacketMetadata, metadata: p4i.ControllerPacketMetadata.Metadata
    ) -> int:
        """The device's width of a translated metadata field: that of the header field of the same name."""
        if not metadata.type_name.name:
            return 0
        for header in self._program.headers:
            position = header.type.index.get(metadata.name)
            if position is not None and header.name.endswith(info.preamble.name):
                return header.type.fields[position].width
        return 0
