"""Programs around a few lines of P4, and packets through what they compile to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from testbed.p4.compiler.compile import CompiledProgram, compile_checked
from testbed.p4.compiler.frontend import check_text
from testbed.p4.switch.model import Program, parse_program
from testbed.p4.switch.reference import ReferenceTarget
from testbed.p4.switch.target import TargetOptions

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header in_t {{ bit<8> a; bit<8> b; bit<16> c; bit<32> d; int<8> s; int<16> t; bit<4> n; bit<4> m; }}
header out_t {{ bit<64> r; }}
{types}
struct headers {{ in_t i; out_t o; {headers} }}
struct meta_t {{ bit<8> x; bit<16> y; bool flag; {metadata} }}
{globals}
parser P(packet_in pkt, out headers h, inout meta_t m, inout standard_metadata_t sm) {{
    {parser_locals}
    {parser}
}}
control V(inout headers h, inout meta_t m) {{ apply {{ {verify} }} }}
control I(inout headers h, inout meta_t m, inout standard_metadata_t sm) {{
    {locals}
    apply {{ sm.egress_spec = 1; {ingress} }}
}}
control E(inout headers h, inout meta_t m, inout standard_metadata_t sm) {{
    {egress_locals}
    apply {{ {egress} }}
}}
control C(inout headers h, inout meta_t m) {{ apply {{ {update} }} }}
control D(packet_out pkt, in headers h) {{ apply {{ {deparser} }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
DEFAULTS = {
    "parser": "state start { pkt.extract(h.i); transition accept; }",
    "deparser": "pkt.emit(h.i); pkt.emit(h.o);",
}
PARTS = (
    "types headers metadata globals parser_locals parser verify locals ingress egress_locals egress update"
    " deparser"
)

Frames = list[tuple[int, bytes]]


def source(**parts: str) -> str:
    """A whole program; parts that are not given are empty, or do the least."""
    unknown = parts.keys() - set(PARTS.split())
    assert not unknown, unknown
    return PROGRAM.format(**{name: parts.get(name, DEFAULTS.get(name, "")) for name in PARTS.split()})


@dataclass(slots=True)
class Compiled:
    """A compiled program and a switch that runs it."""

    result: CompiledProgram
    program: Program
    switch: ReferenceTarget

    @property
    def json(self) -> dict[str, Any]:
        return self.result.json

    def send(self, frame: bytes, port: int = 0) -> Frames:
        """What leaves for a frame that comes in."""
        return self.switch.inject(port, frame)

    def table(self, name: str) -> dict[str, Any]:
        """A table of the JSON by its name."""
        found = [t for p in self.json["pipelines"] for t in p["tables"] if t["name"] == name]
        return found[0]

    def action(self, name: str) -> dict[str, Any]:
        """An action of the JSON by its name."""
        return next(a for a in self.json["actions"] if a["name"] == name)


@pytest.fixture
def build() -> Iterator[Callable[..., Compiled]]:
    """Compile a program from parts, or a whole one given as `text`."""
    switches: list[ReferenceTarget] = []

    def make(text: str | None = None, **parts: str) -> Compiled:
        result = compile_checked(check_text(text or source(**parts)), "program.p4")
        program = parse_program(json.dumps(result.json).encode())
        switch = ReferenceTarget(TargetOptions(cpu_port=510))
        switches.append(switch)
        switch.load(program)
        return Compiled(result, program, switch)

    yield make
    for switch in switches:
        switch.close()
