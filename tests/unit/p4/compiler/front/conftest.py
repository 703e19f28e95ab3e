"""Short cuts for tests of the front end."""

from __future__ import annotations

import sys

import pytest

from testbed.p4.compiler import ast
from testbed.p4.compiler.diagnostics import CompileError
from testbed.p4.compiler.frontend import CheckedProgram, check_text
from testbed.p4.compiler.parser import RECURSION_LIMIT

sys.setrecursionlimit(RECURSION_LIMIT)  # before hypothesis notes it, as parsing raises it

V1MODEL = """
#include <core.p4>
#include <v1model.p4>
header eth_t { bit<48> dst; bit<48> src; bit<16> type; }
struct headers_t { eth_t eth; eth_t[4] stack; }
struct meta_t { bit<8> a; bit<8> b; bit<16> c; bool flag; }
"""

PROGRAM = (
    V1MODEL
    + """
%(top)s
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
    %(parser_locals)s
    state start { %(start)s }
    %(states)s
}
control V(inout headers_t hdr, inout meta_t meta) { apply {} }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
    %(locals)s
    apply { %(apply)s }
}
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) { apply {} }
control C(inout headers_t hdr, inout meta_t meta) { apply {} }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
)


class Front:
    """Checks texts, alone or placed into a whole v1model program."""

    @staticmethod
    def text(text: str) -> CheckedProgram:
        return check_text(text)

    def errors(self, text: str) -> list[str]:
        """The messages of the errors in a text."""
        try:
            self.text(text)
        except CompileError as error:
            return [d.message for d in error.diagnostics.errors]
        return []

    def warnings(self, text: str) -> list[tuple[str, str]]:
        """Class and message of the warnings in a correct text."""
        return [(d.name, d.message) for d in self.text(text).diagnostics.warnings]

    @staticmethod
    def source(**parts: str) -> str:
        """A v1model program with parts filled in: top, locals, apply, parser_locals, start, states."""
        names = ("top", "locals", "apply", "parser_locals", "start", "states")
        filled = {"start": "transition accept;"} | parts
        return PROGRAM % {name: filled.get(name, "") for name in names}

    def program(self, **parts: str) -> CheckedProgram:
        return self.text(self.source(**parts))

    def program_errors(self, **parts: str) -> list[str]:
        return self.errors(self.source(**parts))

    def declaration(self, text: str, name: str) -> ast.Declaration:
        """The top-level declaration of that name."""
        return next(d for d in self.text(text).declarations if d.name == name)

    def apply(self, code: str, **parts: str) -> list[ast.Statement | ast.Declaration]:
        """The checked statements of the ingress control's apply block."""
        control = next(d for d in self.program(apply=code, **parts).declarations if d.name == "I")
        assert isinstance(control, ast.ControlDecl)
        return control.body.body

    def const(self, type_name: str, value: str, before: str = "") -> ast.Expression:
        """The checked initializer of a constant."""
        declaration = self.declaration(f"{before}\nconst {type_name} X = {value};", "X")
        assert isinstance(declaration, ast.ConstDecl)
        return declaration.init


@pytest.fixture(scope="session")
def front() -> Front:
    return Front()
