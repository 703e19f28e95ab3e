"""Declarations, from constants to tables and parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from testbed.p4.compiler import types as t
from testbed.p4.compiler.ast.base import Node, filled, node

if TYPE_CHECKING:
    from testbed.p4.compiler.ast.base import Annotation, Direction
    from testbed.p4.compiler.ast.expressions import Argument, BoundArg, Call, Expression, PathExpr, TypeRef
    from testbed.p4.compiler.ast.statements import Block, Statement


@node
class Declaration(Node):
    """Something with a name; `span` is the name's. `kind` names it in messages."""

    kind: ClassVar[str] = "declaration"

    name: str
    annotations: list[Annotation]

    def annotation(self, name: str) -> Annotation | None:
        """The annotation of that name, or None."""
        return next((a for a in self.annotations if a.name == name), None)


@node
class TypeParam(Declaration):
    """A type parameter of a generic declaration."""

    kind: ClassVar[str] = "type parameter"


@node
class Parameter(Declaration):
    """A parameter of anything; `type` may contain type variables."""

    kind: ClassVar[str] = "parameter"

    direction: Direction
    ref: TypeRef
    default: Expression | None = None
    type: t.Type = filled(t.UNKNOWN)

    @property
    def optional(self) -> bool:
        """May be left out by callers without getting a value (`@optional`)."""
        return self.annotation("optional") is not None


@node
class VariableDecl(Declaration):
    """A local variable."""

    kind: ClassVar[str] = "variable"

    ref: TypeRef
    init: Expression | None = None
    type: t.Type = filled(t.UNKNOWN)


@node
class ConstDecl(Declaration):
    """A constant; its value is `init.value`."""

    kind: ClassVar[str] = "constant"

    ref: TypeRef
    init: Expression
    type: t.Type = filled(t.UNKNOWN)


@node
class InstanceDecl(Declaration):
    """`Type(args) name;`, of an extern, parser, control or package. `call` is the CONSTRUCTOR call."""

    kind: ClassVar[str] = "instance"

    call: Call
    body: Block | None = None  # abstract methods' implementations
    type: t.Type = filled(t.UNKNOWN)


@node
class CallableDecl(Declaration):
    """Common part of everything that is called by name."""

    params: list[Parameter]


@node
class FunctionDecl(CallableDecl):
    """A P4 function."""

    kind: ClassVar[str] = "function"

    return_ref: TypeRef
    type_params: list[TypeParam]
    body: Block
    return_type: t.Type = filled(t.UNKNOWN)


@node
class ActionDecl(CallableDecl):
    """An action."""

    kind: ClassVar[str] = "action"

    body: Block


@node
class ExternFunctionDecl(CallableDecl):
    """`extern R f<T>(...);`."""

    kind: ClassVar[str] = "extern function"

    return_ref: TypeRef
    type_params: list[TypeParam]
    return_type: t.Type = filled(t.UNKNOWN)


@node
class MethodDecl(CallableDecl):
    """A method or constructor of an extern object; `owner` is filled by the parser."""

    kind: ClassVar[str] = "method"

    return_ref: TypeRef | None  # None: a constructor
    type_params: list[TypeParam]
    abstract: bool = False
    return_type: t.Type = filled(t.UNKNOWN)
    owner: ExternDecl | None = filled()


@node
class TypeDecl(Declaration):
    """Common part of the declarations that introduce a type: `type`, with open type parameters."""

    type: t.Type = filled(t.UNKNOWN)


@node
class ExternDecl(TypeDecl):
    """`extern X<T> { ... }`."""

    kind: ClassVar[str] = "extern"

    type_params: list[TypeParam]
    methods: list[MethodDecl]


@node
class FieldDecl(Declaration):
    """A field of a struct, header or header union."""

    kind: ClassVar[str] = "field"

    ref: TypeRef
    type: t.Type = filled(t.UNKNOWN)


@node
class StructLikeDecl(TypeDecl):
    """Common part of struct, header and header union."""

    type_params: list[TypeParam]
    fields: list[FieldDecl]


@node
class StructDecl(StructLikeDecl):
    """`struct`."""

    kind: ClassVar[str] = "struct"


@node
class HeaderDecl(StructLikeDecl):
    """`header`."""

    kind: ClassVar[str] = "header"


@node
class HeaderUnionDecl(StructLikeDecl):
    """`header_union`."""

    kind: ClassVar[str] = "header_union"


@node
class EnumMember(Declaration):
    """A member of an enum; `init` and `number` only in serializable ones, else `number` is its position."""

    kind: ClassVar[str] = "enum member"

    init: Expression | None = None
    number: int = filled(0)
    owner: EnumDecl | SerEnumDecl | None = filled()


@node
class EnumDecl(TypeDecl):
    """`enum E { ... }`."""

    kind: ClassVar[str] = "enum"

    members: list[EnumMember]


@node
class SerEnumDecl(TypeDecl):
    """`enum bit<n> E { A = 1, ... }`."""

    kind: ClassVar[str] = "enum"

    ref: TypeRef
    members: list[EnumMember]


@node
class ErrorMember(Declaration):
    """A member of `error`; `number` counts from 0 over all declarations (NoError is 0)."""

    kind: ClassVar[str] = "error"

    number: int = filled(0)


@node
class ErrorDecl(Declaration):
    """`error { ... }`; the name is "error"."""

    kind: ClassVar[str] = "error declaration"

    members: list[ErrorMember]


@node
class MatchKind(Declaration):
    """A member of `match_kind`."""

    kind: ClassVar[str] = "match kind"


@node
class MatchKindDecl(Declaration):
    """`match_kind { ... }`; the name is "match_kind"."""

    kind: ClassVar[str] = "match_kind declaration"

    members: list[MatchKind]


@node
class TypedefDecl(TypeDecl):
    """`typedef ref name;`."""

    kind: ClassVar[str] = "typedef"

    ref: TypeRef


@node
class NewTypeDecl(TypeDecl):
    """`type ref name;`."""

    kind: ClassVar[str] = "type"

    ref: TypeRef


@node
class ParserTypeDecl(TypeDecl):
    """`parser P<T>(...);`."""

    kind: ClassVar[str] = "parser type"

    type_params: list[TypeParam]
    params: list[Parameter]


@node
class ControlTypeDecl(TypeDecl):
    """`control C<T>(...);`."""

    kind: ClassVar[str] = "control type"

    type_params: list[TypeParam]
    params: list[Parameter]


@node
class PackageTypeDecl(TypeDecl):
    """`package S<T>(...);`; the parameters are the constructor's."""

    kind: ClassVar[str] = "package"

    type_params: list[TypeParam]
    params: list[Parameter]


@node
class SelectCase(Node):
    """`keyset: state;`; keys has one element per select expression, or one DontCare for all."""

    keys: list[Expression]
    state: PathExpr


@node
class Select(Node):
    """`select (exprs) { cases }`."""

    exprs: list[Expression]
    cases: list[SelectCase]


@node
class StateDecl(Declaration):
    """A parser state; without `transition` it rejects. `accept` and `reject` are `builtin` StateDecls."""

    kind: ClassVar[str] = "state"

    body: list[Statement | Declaration]
    transition: PathExpr | Select | None
    builtin: bool = False


@node
class ValueSetDecl(Declaration):
    """`value_set<element>(size) name;`."""

    kind: ClassVar[str] = "value_set"

    element: TypeRef
    size: Expression
    type: t.Type = filled(t.UNKNOWN)


@node
class ParserDecl(TypeDecl):
    """A parser with its states, `start` anywhere among them."""

    kind: ClassVar[str] = "parser"

    type_params: list[TypeParam]
    params: list[Parameter]
    constructor_params: list[Parameter]
    locals: list[Declaration]
    states: list[StateDecl]


@node
class ControlDecl(TypeDecl):
    """A control with its apply block."""

    kind: ClassVar[str] = "control"

    type_params: list[TypeParam]
    params: list[Parameter]
    constructor_params: list[Parameter]
    locals: list[Declaration]
    body: Block


@node
class KeyElement(Node):
    """`expr : match_kind annotations;`."""

    expr: Expression
    match_kind: str
    annotations: list[Annotation]
    match_decl: MatchKind | None = filled()


@node
class ActionRef(Node):
    """An action in an action list, `default_action` or entry.

    `bound` has one BoundArg per parameter; directionless ones without a value (action lists) have expr None.
    """

    path: PathExpr
    args: list[Argument] | None
    annotations: list[Annotation]
    decl: ActionDecl | None = filled()
    bound: list[BoundArg] = filled(())


@node
class TableEntry(Node):
    """One entry; `keys` has one element per key. `const` is this entry's own (`const entries` sets all)."""

    keys: list[Expression]
    action: ActionRef
    priority: Expression | None
    const: bool
    annotations: list[Annotation]


@node
class TableProperty(Declaration):
    """Any property but key, actions, default_action and entries: `size`, `implementation`, `counters` ..."""

    kind: ClassVar[str] = "table property"

    value: Expression
    const: bool = False


@node
class TableDecl(Declaration):
    """A table; `keys` is None without a `key` property. Flags: `const default_action`, `const entries`."""

    kind: ClassVar[str] = "table"

    keys: list[KeyElement] | None
    actions: list[ActionRef]
    default_action: ActionRef | None
    const_default: bool
    entries: list[TableEntry] | None
    const_entries: bool
    properties: list[TableProperty]

    def property_named(self, name: str) -> TableProperty | None:
        """The property of that name, or None."""
        return next((p for p in self.properties if p.name == name), None)


CallTarget = (
    FunctionDecl
    | ExternFunctionDecl
    | MethodDecl
    | ActionDecl
    | TableDecl
    | ParserDecl
    | ParserTypeDecl
    | ControlDecl
    | ControlTypeDecl
    | ExternDecl
    | PackageTypeDecl
)


@node
class Program(Node):
    """All declarations in order, those of included files too."""

    declarations: list[Declaration]
    errors: list[ErrorMember] = filled(())  # all of them, in the order of their numbers
