"""P4 types as P4Info describes them, and the declared ones that it lists in `type_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from testbed.p4.compiler import types as t
from testbed.p4.compiler.p4info.annotations import annotate
from testbed.p4.compiler.p4info.stubs import p4t
from testbed.p4.compiler.passes.unit import RefusedError
from testbed.p4.compiler.source import NO_SPAN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbed.p4.compiler import ast


def external(decl: ast.Declaration) -> str:
    """The control plane's name of a global declaration or field."""
    annotation = decl.annotation("name")
    return str(annotation.args[0]).removeprefix(".") if annotation and annotation.args else decl.name


def type_name(type_: t.Type) -> str:
    """The name to give in `type_name`: only of `type` declarations."""
    return type_.decl.name if isinstance(type_, t.NewType) else ""


def translation(type_: t.Type) -> tuple[str, int] | None:
    """URI and controller's width (0 for a string) of `@p4runtime_translation`, or None."""
    if not isinstance(type_, t.NewType):
        return None
    found = type_.decl.annotation("p4runtime_translation")
    if found is None:
        return None
    uri, bits = found.args
    return str(uri), int(bits)


def width(type_: t.Type) -> int:
    """The bit width that the control plane sees; 0 for what it sees as a string."""
    translated = translation(type_)
    if translated is not None:
        return translated[1]
    below = t.representation(type_)
    if isinstance(below, t.BitsType):
        return below.width
    return 1 if below == t.BOOL else 0


class TypeInfo:
    """Makes type descriptions, collecting declared types."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = errors
        self.message = p4t.P4TypeInfo()

    def describe(self, type_: t.Type) -> p4t.P4DataTypeSpec:
        """The description of a type; types that it needs are added."""
        spec = p4t.P4DataTypeSpec()
        match type_:
            case t.BitsType(n, signed):
                (spec.bitstring.int if signed else spec.bitstring.bit).bitwidth = n
            case t.VarbitType(n):
                spec.bitstring.varbit.max_bitwidth = n
            case t.TupleType(elements):
                spec.tuple.SetInParent()
                spec.tuple.members.extend(self.describe(e) for e in elements)
            case t.StackType(element, size) if isinstance(element, t.HeaderType):
                spec.header_stack.header.name = self._header(element)
                spec.header_stack.size = size
            case t.StructType():
                spec.struct.name = self._struct(type_)
            case t.HeaderType():
                spec.header.name = self._header(type_)
            case t.EnumType():
                spec.enum.name = self._enum(type_)
            case t.SerEnumType():
                spec.serializable_enum.name = self._serializable(type_)
            case t.NewType():
                spec.new_type.name = self._new_type(type_)
            case _ if type_ == t.BOOL:
                spec.bool.SetInParent()
            case _ if type_ == t.ERROR:
                spec.error.SetInParent()
                if not self.message.HasField("error"):
                    self.message.error.members.extend(self.errors)
            case _:
                raise RefusedError(
                    getattr(getattr(type_, "decl", None), "span", NO_SPAN), f"{type_} has no place in P4Info"
                )
        return spec

    def _struct(self, type_: t.StructType) -> str:
        name = _name(type_)
        if name not in self.message.structs:
            members = [(external(f.decl) if f.decl else f.name, self.describe(f.type)) for f in type_.fields]
            entry = self.message.structs[name]
            for field_name, spec in members:
                entry.members.add(name=field_name, type_spec=spec)
        return name

    def _header(self, type_: t.HeaderType) -> str:
        name = _name(type_)
        if name not in self.message.headers:
            entry = self.message.headers[name]
            for part in (p for f in type_.fields for p in flat_fields(f)):
                entry.members.add(name=part.name, type_spec=self.describe(part.type).bitstring)
        return name

    def _enum(self, type_: t.EnumType) -> str:
        name = external(type_.decl)
        if name not in self.message.enums:
            entry = self.message.enums[name]
            for member in type_.decl.members:
                entry.members.add(name=external(member))
        return name

    def _serializable(self, type_: t.SerEnumType) -> str:
        name = external(type_.decl)
        if name not in self.message.serializable_enums:
            entry = self.message.serializable_enums[name]
            entry.underlying_type.bitwidth = type_.underlying.width
            size = (type_.underlying.width + 7) // 8
            for member in type_.decl.members:
                number = member.number & ((1 << type_.underlying.width) - 1)
                entry.members.add(name=external(member), value=number.to_bytes(size, "big"))
        return name

    def _new_type(self, type_: t.NewType) -> str:
        name = external(type_.decl)
        if name in self.message.new_types:
            return name
        below: t.Type = type_
        while isinstance(below, t.NewType):
            below = below.underlying
        spec = self.describe(below)
        entry = self.message.new_types[name]
        annotate(entry, [a for a in type_.decl.annotations if a.name != "p4runtime_translation"])
        translated = translation(type_)
        if translated is None:
            entry.original_type.CopyFrom(spec)
        else:
            entry.translated_type.uri = translated[0]
            if translated[1]:
                entry.translated_type.sdn_bitwidth = translated[1]
            else:
                entry.translated_type.sdn_string.SetInParent()
        return name


def _name(type_: t.CompositeType) -> str:
    parts = [external(type_.decl), *(str(a).replace("<", "").replace(">", "") for a in type_.args)]
    return "_".join(parts)


class FlatField(NamedTuple):
    """A field of a header as the control plane sees it; of structs inside a header, under a dotted name."""

    name: str
    type: t.Type
    annotations: list[ast.Annotation]


def flat_fields(field: ast.FieldDecl | t.Field, prefix: str = "") -> list[FlatField]:
    """What a field comes to; inner annotations win over those of the same name outside."""
    decl = field.decl if isinstance(field, t.Field) else field
    name = prefix + (external(decl) if decl is not None else field.name)
    own = decl.annotations if decl is not None else []
    if not isinstance(field.type, t.CompositeType):
        return [FlatField(name, field.type, own)]
    result: list[FlatField] = []
    for part in (p for f in field.type.fields for p in flat_fields(f, f"{name}.")):
        inner = {a.name for a in part.annotations}
        merged = [*part.annotations, *(a for a in own if a.name not in inner)]
        result.append(FlatField(part.name, part.type, merged))
    return result
