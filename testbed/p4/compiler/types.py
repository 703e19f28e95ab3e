"""The semantic types of P4_16 (specification 1.2.5, section 7).

Values of these classes are what the checker puts into `Expression.type` and `TypeRef.type`. Typedefs are
resolved, `type` declarations are kept as `NewType`. Types compare structurally; declared types compare by
their declaration and type arguments, so `==` and `hash` are always right. `str()` gives P4 syntax.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbed.p4.compiler import ast


class Type:
    """Base of all types."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True, repr=False)
class SimpleType(Type):
    """A type without parts; the instances are the module's constants below."""

    name: str

    def __str__(self) -> str:
        return self.name


UNKNOWN = SimpleType("<unknown>")  # before checking, and after an error: fits everywhere
VOID = SimpleType("void")
BOOL = SimpleType("bool")
STRING = SimpleType("string")
INT = SimpleType("int")  # infinite precision
ERROR = SimpleType("error")
MATCH_KIND = SimpleType("match_kind")
STATE = SimpleType("state")
DONT_CARE = SimpleType("_")  # a type argument or key left open
DEFAULT = SimpleType("...")  # the type of `...` before its context gives it one
INVALID = SimpleType("{#}")  # the type of `{#}` before its context gives it one


@dataclass(frozen=True, slots=True, repr=False)
class BitsType(Type):
    """`bit<width>` or, when `signed`, `int<width>`; width in bits."""

    width: int
    signed: bool = False

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'bit'}<{self.width}>"


@dataclass(frozen=True, slots=True, repr=False)
class VarbitType(Type):
    """`varbit<max_width>`, in bits."""

    max_width: int

    def __str__(self) -> str:
        return f"varbit<{self.max_width}>"


@dataclass(frozen=True, slots=True, repr=False)
class EnumType(Type):
    """An `enum` without representation."""

    decl: ast.EnumDecl

    def __str__(self) -> str:
        return self.decl.name


@dataclass(frozen=True, slots=True, repr=False)
class SerEnumType(Type):
    """An `enum bit<n>` with a representation; `underlying` is a BitsType (newtypes resolved)."""

    decl: ast.SerEnumDecl
    underlying: BitsType = field(compare=False)

    def __str__(self) -> str:
        return self.decl.name


@dataclass(frozen=True, slots=True, repr=False)
class NewType(Type):
    """A `type U N;` declaration: a type of its own with the representation of `underlying`."""

    decl: ast.NewTypeDecl
    underlying: Type = field(compare=False)

    def __str__(self) -> str:
        return self.decl.name


@dataclass(frozen=True, slots=True, repr=False)
class Field:
    """A field of a struct, header or header union, type arguments substituted."""

    name: str
    type: Type
    decl: ast.FieldDecl | None = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class CompositeType(Type):
    """Common part of struct, header and header union: nominal, possibly specialized by `args`."""

    keyword: ClassVar[str] = ""

    decl: ast.StructLikeDecl
    args: tuple[Type, ...] = ()
    fields: tuple[Field, ...] = field(default=(), compare=False, repr=False)

    @property
    def name(self) -> str:
        """The declared name."""
        return self.decl.name

    def field_named(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)

    def __str__(self) -> str:
        return with_args(self.decl.name, self.args)


@dataclass(frozen=True, slots=True, repr=False)
class StructType(CompositeType):
    """A `struct`."""

    keyword: ClassVar[str] = "struct"


@dataclass(frozen=True, slots=True, repr=False)
class HeaderType(CompositeType):
    """A `header`."""

    keyword: ClassVar[str] = "header"


@dataclass(frozen=True, slots=True, repr=False)
class HeaderUnionType(CompositeType):
    """A `header_union`."""

    keyword: ClassVar[str] = "header_union"


@dataclass(frozen=True, slots=True, repr=False)
class StackType(Type):
    """A header stack `element[size]`; the element is a HeaderType, a HeaderUnionType or a TypeVar."""

    element: Type
    size: int

    def __str__(self) -> str:
        return f"{self.element}[{self.size}]"


@dataclass(frozen=True, slots=True, repr=False)
class TupleType(Type):
    """`tuple<...>`; also the type of a list expression that no context gave another type."""

    elements: tuple[Type, ...]

    def __str__(self) -> str:
        return f"tuple<{', '.join(map(str, self.elements))}>"


@dataclass(frozen=True, slots=True, repr=False)
class AnonymousStructType(Type):
    """The type of `{a = 1, b = 2}` that no context gave a struct type."""

    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return "struct {" + " ".join(f"{f.type} {f.name};" for f in self.fields) + "}"


@dataclass(frozen=True, slots=True, repr=False)
class ListType(Type):
    """`list<element>` (compile-time lists, architecture declarations only)."""

    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@dataclass(frozen=True, slots=True, repr=False)
class SetType(Type):
    """A set of `element`, as in keysets, masks, ranges and value sets."""

    element: Type

    def __str__(self) -> str:
        return f"set<{self.element}>"


@dataclass(frozen=True, slots=True, repr=False)
class TypeVar(Type):
    """A type parameter inside its generic declaration."""

    decl: ast.TypeParam

    def __str__(self) -> str:
        return self.decl.name


@dataclass(frozen=True, slots=True, repr=False)
class ExternType(Type):
    """An extern object type, specialized by `args` (empty if not generic)."""

    decl: ast.ExternDecl
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return with_args(self.decl.name, self.args)


@dataclass(frozen=True, slots=True, repr=False)
class ParserType(Type):
    """A parser: a `parser P(...);` type or the type of a parser declaration."""

    decl: ast.ParserTypeDecl | ast.ParserDecl
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return with_args(self.decl.name, self.args)


@dataclass(frozen=True, slots=True, repr=False)
class ControlType(Type):
    """A control: a `control C(...);` type or the type of a control declaration."""

    decl: ast.ControlTypeDecl | ast.ControlDecl
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return with_args(self.decl.name, self.args)


@dataclass(frozen=True, slots=True, repr=False)
class PackageType(Type):
    """A package, specialized by `args` (inferred from the constructor's arguments)."""

    decl: ast.PackageTypeDecl
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return with_args(self.decl.name, self.args)


@dataclass(frozen=True, slots=True, repr=False)
class TableType(Type):
    """The type of a table's name."""

    decl: ast.TableDecl

    def __str__(self) -> str:
        return f"table {self.decl.name}"


@dataclass(frozen=True, slots=True, repr=False)
class ApplyResultType(Type):
    """What `table.apply()` returns: fields `hit`, `miss` (bool) and `action_run` (ActionRunType)."""

    table: ast.TableDecl

    def __str__(self) -> str:
        return f"apply_result({self.table.name})"


@dataclass(frozen=True, slots=True, repr=False)
class ActionRunType(Type):
    """The enum of a table's actions: the type of `action_run`; switch labels name actions."""

    table: ast.TableDecl

    def __str__(self) -> str:
        return f"action_list({self.table.name})"


@dataclass(frozen=True, slots=True, repr=False)
class CallableType(Type):
    """The type of the name of an action, function, extern function or method."""

    decl: ast.CallableDecl

    def __str__(self) -> str:
        return f"{self.decl.kind} {self.decl.name}"


@dataclass(frozen=True, slots=True, repr=False)
class MetaType(Type):
    """The type of an expression that names a type, as `E` in `E.A` or `P` in `P.apply()`."""

    type: Type

    def __str__(self) -> str:
        return f"type {self.type}"


def with_args(name: str, args: tuple[Type, ...]) -> str:
    """`name<a, b>`, or `name` without arguments."""
    return f"{name}<{', '.join(map(str, args))}>" if args else name


_BITS: dict[tuple[int, bool], BitsType] = {}


def bits(width: int, *, signed: bool = False) -> BitsType:
    """The shared `bit<width>` or `int<width>`."""
    found = _BITS.get((width, signed))
    if found is None:
        found = _BITS[width, signed] = BitsType(width, signed)
    return found


def substitute(of: Type, env: Mapping[TypeVar, Type]) -> Type:
    """`of` with its type variables replaced as `env` says; unbound ones stay."""
    if not env:
        return of
    match of:
        case TypeVar():
            found = env.get(of)
            return of if found is None or found is of else substitute(found, env)
        case CompositeType(decl, args, fields) if args:
            new = tuple(substitute(a, env) for a in args)
            if new == args:
                return of
            return type(of)(decl, new, tuple(Field(f.name, substitute(f.type, env), f.decl) for f in fields))
        case StackType(element, size):
            return StackType(substitute(element, env), size)
        case TupleType(elements):
            return TupleType(tuple(substitute(e, env) for e in elements))
        case AnonymousStructType(fields):
            return AnonymousStructType(tuple(Field(f.name, substitute(f.type, env), f.decl) for f in fields))
        case ListType(element) | SetType(element):
            return type(of)(substitute(element, env))
        case ExternType() | ParserType() | ControlType() | PackageType() if of.args:
            return type(of)(of.decl, tuple(substitute(a, env) for a in of.args))  # type: ignore[arg-type]
        case _:
            return of


def contains(of: Type, test: Callable[[Type], bool]) -> bool:
    """Whether `test` holds for the type or for a type that it is made of (fields and type arguments)."""
    if test(of):
        return True
    match of:
        case CompositeType(fields=fields, args=args):
            return any(contains(f.type, test) for f in fields) or any(contains(a, test) for a in args)
        case AnonymousStructType(fields=fields):
            return any(contains(f.type, test) for f in fields)
        case StackType(element) | ListType(element) | SetType(element):
            return contains(element, test)
        case TupleType(elements):
            return any(contains(e, test) for e in elements)
        case ExternType(args=args) | ParserType(args=args) | ControlType(args=args) | PackageType(args=args):
            return any(contains(a, test) for a in args)
    return False


def representation(of: Type) -> Type:
    """The type below `type` declarations and serializable enums: what the bits are."""
    while isinstance(of, NewType | SerEnumType):
        of = of.underlying
    return of
