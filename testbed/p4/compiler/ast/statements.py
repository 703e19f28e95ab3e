"""Statements."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from testbed.p4.compiler.ast.base import Node, node

if TYPE_CHECKING:
    from testbed.p4.compiler.ast.base import Annotation
    from testbed.p4.compiler.ast.declarations import Declaration, VariableDecl
    from testbed.p4.compiler.ast.expressions import Call, Expression


@node
class Statement(Node):
    """A statement."""


@node
class Block(Statement):
    """`{ ... }`; declarations of variables, constants and instances stand among the statements."""

    body: list[Statement | Declaration]
    annotations: list[Annotation] = field(default_factory=list)


@node
class Assign(Statement):
    """`left op right`; `op` is `=` or, since 1.2.5, `+=` and its kind (`left` is evaluated once)."""

    left: Expression
    right: Expression
    op: str = "="


@node
class CallStatement(Statement):
    """A call as a statement."""

    call: Call


@node
class If(Statement):
    """`if (condition) then else otherwise`."""

    condition: Expression
    then: Statement
    otherwise: Statement | None


@node
class SwitchCase(Node):
    """A label and its block; label None is `default`, block None falls through.

    For a switch on `action_run` the label is a PathExpr whose decl is the ActionDecl.
    """

    label: Expression | None
    block: Block | None


@node
class Switch(Statement):
    """`switch (subject) { cases }`; `subject.type` is an ActionRunType or the type of the labels."""

    subject: Expression
    cases: list[SwitchCase]


@node
class Return(Statement):
    """`return;` or `return expr;`."""

    expr: Expression | None


@node
class Exit(Statement):
    """`exit;`."""


@node
class Empty(Statement):
    """`;`."""


@node
class For(Statement):
    """`for (init; condition; update) body`."""

    init: list[Statement | Declaration]
    condition: Expression
    update: list[Statement]
    body: Statement
    annotations: list[Annotation] = field(default_factory=list)


@node
class ForIn(Statement):
    """`for (variable in collection) body`; variable is declared here or a left-value."""

    variable: VariableDecl | Expression
    collection: Expression
    body: Statement
    annotations: list[Annotation] = field(default_factory=list)


@node
class Break(Statement):
    """`break;`."""


@node
class Continue(Statement):
    """`continue;`."""
