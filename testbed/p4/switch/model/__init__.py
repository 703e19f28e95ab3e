"""A bmv2 JSON program as typed, resolved values: what engines execute and the server validates against.

`parse_program` reads the JSON (format 2.0 ... 2.24) and refuses, in one line that says where, whatever does
not hold together: unknown names, wrong widths, types that do not fit, control flow that loops. What it
returns can be trusted: every reference is the position of an existing object in one of the tuples of
`Program`, whatever ids the JSON gave, and every expression is well-typed.

Sources: p4lang/behavioral-model docs/JSON_format.md, and simple_switch's use of it.
"""

from __future__ import annotations

from typing import Final

from testbed.p4.switch.model.actions import (
    Action,
    Arg,
    CalculationRef,
    CounterRef,
    MeterRef,
    Param,
    Primitive,
    RegisterRef,
)
from testbed.p4.switch.model.control import (
    ActionEntry,
    Call,
    Conditional,
    KeyField,
    MatchKind,
    Node,
    Pipeline,
    Profile,
    Selector,
    Table,
)
from testbed.p4.switch.model.expression import (
    VALID,
    Binary,
    Bool,
    Const,
    Expr,
    FieldRef,
    HeaderField,
    HeaderRef,
    Kind,
    Local,
    RegisterCell,
    StackItem,
    StackLast,
    StackRef,
    Ternary,
    Unary,
    UnionMember,
    UnionRef,
    UnionStackItem,
    UnionStackRef,
)
from testbed.p4.switch.model.headers import Field, Header, HeaderType, Stack, Union, UnionStack
from testbed.p4.switch.model.objects import (
    Calculation,
    Checksum,
    ConstBits,
    Counter,
    FieldList,
    LearnList,
    Meter,
    Register,
)
from testbed.p4.switch.model.parser import (
    Advance,
    Deparser,
    Extract,
    Lookahead,
    Parser,
    ParserOp,
    ParseState,
    Set,
    StackNext,
    Transition,
    UnionStackLast,
    UnionStackNext,
    ValueSet,
    Verify,
)
from testbed.p4.switch.model.program import VALID_FIELD, Program

__all__ = [
    "MAX_GENERATIONS",
    "MAX_PARSER_STEPS",
    "VALID",
    "VALID_FIELD",
    "Action",
    "ActionEntry",
    "Advance",
    "Arg",
    "Binary",
    "Bool",
    "Calculation",
    "CalculationRef",
    "Call",
    "Checksum",
    "Conditional",
    "Const",
    "ConstBits",
    "Counter",
    "CounterRef",
    "Deparser",
    "Expr",
    "Extract",
    "Field",
    "FieldList",
    "FieldRef",
    "Header",
    "HeaderField",
    "HeaderRef",
    "HeaderType",
    "KeyField",
    "Kind",
    "LearnList",
    "Local",
    "Lookahead",
    "MatchKind",
    "Meter",
    "MeterRef",
    "ModelError",
    "Node",
    "Param",
    "ParseState",
    "Parser",
    "ParserOp",
    "Pipeline",
    "Primitive",
    "Profile",
    "Program",
    "Register",
    "RegisterCell",
    "RegisterRef",
    "Selector",
    "Set",
    "Stack",
    "StackItem",
    "StackLast",
    "StackNext",
    "StackRef",
    "Table",
    "Ternary",
    "Transition",
    "Unary",
    "Union",
    "UnionMember",
    "UnionRef",
    "UnionStack",
    "UnionStackItem",
    "UnionStackLast",
    "UnionStackNext",
    "UnionStackRef",
    "ValueSet",
    "Verify",
    "parse_program",
]

MAX_PARSER_STEPS: Final = 16384
"""States one packet may pass; beyond it parsing ends with error.ParserTimeout."""

MAX_GENERATIONS: Final = 4096
"""Times a packet and its descendants may be resubmitted, recirculated or cloned before they are dropped."""


class ModelError(ValueError):
    """The JSON is not a program that can run: `file: where: what`, one line."""

    def __init__(self, text: str) -> None:
        # Names out of the JSON stand in the message, and may hold anything.
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))


def parse_program(data: bytes | str, source: str = "program") -> Program:
    """Read a bmv2 JSON program; `source` (a file's name) starts every message.

    Raises:
        ModelError: it is no JSON, or JSON that lies.
    """
    from testbed.p4.switch.loader.program import load

    return load(data, source)
