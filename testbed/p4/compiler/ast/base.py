"""What all nodes share: positions, annotations and the enumerations of the tree."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypeVar, dataclass_transform

from testbed.p4.compiler.source import Span

if TYPE_CHECKING:
    from testbed.p4.compiler.ast.expressions import Expression


_T = TypeVar("_T")


def filled(value: Any = None, *, init: Literal[False] = False) -> Any:
    """A field that the checker fills; `value` until then."""
    return field(init=init, default=value, repr=False)


@dataclass_transform(eq_default=False, field_specifiers=(field, filled))
def node(cls: type[_T]) -> type[_T]:
    """Make a class of the tree: a slotted dataclass that compares and hashes by identity."""
    return dataclass(slots=True, eq=False, repr=False)(cls)


class Direction(Enum):
    """Direction of a parameter; NONE is a directionless one."""

    NONE = ""
    IN = "in"
    OUT = "out"
    INOUT = "inout"


class CallKind(Enum):
    """What a `Call` does; says which fields of the call mean something."""

    FUNCTION = "function"  # decl: FunctionDecl
    EXTERN_FUNCTION = "extern function"  # decl: ExternFunctionDecl
    EXTERN_METHOD = "extern method"  # decl: MethodDecl, receiver: the extern instance
    ACTION = "action"  # decl: ActionDecl
    TABLE_APPLY = "table apply"  # decl: TableDecl
    PARSER_APPLY = "parser apply"  # decl: ParserDecl or ParserTypeDecl; receiver: instance or TypeNameExpr
    CONTROL_APPLY = "control apply"  # decl: ControlDecl or ControlTypeDecl; receiver likewise
    BUILTIN = "built-in method"  # receiver: header, union, stack ...; name in `builtin`; no decl
    CONSTRUCTOR = (
        "constructor"  # decl: ParserDecl, ControlDecl, ExternDecl, PackageTypeDecl; type: what it makes
    )


@node
class Node:
    """Base of the tree."""

    span: Span

    def __repr__(self) -> str:
        parts = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.init and f.name != "span")
        return f"{type(self).__name__}({', '.join(parts)})"


@node
class AnnotationEntry(Node):
    """One `key = value` (or just a value, key None) of a structured annotation."""

    key: str | None
    value: Expression


@node
class Annotation(Node):
    """`@name`, `@name(body)` (unstructured) or `@name[entries]` (structured).

    `tokens` is the unstructured body as written, token by token (strings keep their quotes). `args` holds the
    literals of a body that is a comma-separated list of strings and integers, as in `@name("x")`, `@id(1)`.
    Where the body is a list of expressions (`@field_list`), they are in `exprs`, and the checker sets `args`.
    """

    name: str
    tokens: list[str] = field(default_factory=list)
    entries: list[AnnotationEntry] | None = None
    args: list[str | int] = field(default_factory=list)
    exprs: list[Expression] = field(default_factory=list)
